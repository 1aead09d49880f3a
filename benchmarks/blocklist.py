"""A blocklist of 4.5 million domains: memory of a worker, and URLs looked up per second, one core.

Run from the repository's root: python benchmarks/blocklist.py [--peer-python PATH]

Each side runs in a process of its own on the same list and the same URLs, made here by a fixed rule. Ours has imported
all that a worker of a run has; it maps the list that the phase `blocklists` wrote, and gets URLs as batches of 4,096.
Beside it: a Python set with the parents of the host by the public suffix list, and, if PATH is a Python that has
datatrove[processing]==0.10.1, its URLFilter, without any list but this one. Memory is the peak of the whole process.
Rates are by processor time, medians of five. The last line is one JSON object.
"""

# ruff: noqa: PLC0415  (each side runs in a process of its own, and imports no more than it needs)
import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain, islice
from pathlib import Path
from statistics import median

ENTRIES = 4_500_000
URLS = 100_000
BATCH = 4096
RUNS = 5
SUFFIXES = ("com", "net", "org", "de", "co.uk", "com.br", "blogspot.com", "xn--p1ai")
WORDS = ("alpha", "casino", "forum", "shop-online", "video", "x", "blog", "thelongestnamethatanybodywouldregister")
SUBDOMAINS = ("", "www.", "m.", "a.b.")


def domain(number: int) -> str:
    """The domain of a number; no two are alike."""
    mixed = number * 2_654_435_761 % (1 << 32)
    return f"{WORDS[mixed % 8]}{mixed:x}{number // (1 << 20)}.{SUFFIXES[(mixed >> 8) % 8]}"


def urls(n: int) -> Iterator[str]:
    """URLs, half of them under listed domains."""
    for i in range(n):
        mixed = (i * 0x9E3779B97F4A7C15 + 1) % (1 << 64)
        number = (mixed >> 20) % ENTRIES + (ENTRIES if i % 2 else 0)
        yield f"https://{SUBDOMAINS[mixed % 4]}{domain(number)}/section/{mixed % 1000}/page-{i}.html?id={i}"


def peak_mb() -> float:
    """The most memory that this process has had (Linux)."""
    return int(Path("/proc/self/status").read_text().partition("VmHWM:")[2].split()[0]) / 1024


def measure(work: Callable[[], int]) -> dict[str, float]:
    """URLs a second, and how many of those that are under a listed domain are found."""
    times, hits = [], 0
    for _ in range(RUNS):
        start = time.process_time()
        hits = work()
        times.append(time.process_time() - start)
    return {"rate": URLS / median(times), "found": hits / (URLS // 2), "peak_mb": peak_mb()}


def build(folder: Path) -> dict[str, float]:
    """Run the phase `blocklists`."""
    from gristmill.pipelines import blocklists
    from gristmill.pipelines.checkpoints import Store
    from gristmill.pipelines.engine import Task
    from gristmill.schemas import Recipe

    lists = [{"name": "big", "path": "list"}]
    recipe = Recipe.model_validate({"inputs": [{"name": "x", "paths": ["x"]}], "web": {"blocklists": lists}})
    phase = blocklists.phase(recipe, folder=str(folder))
    task = Task(
        root=str(folder),
        phase=phase.name,
        version=phase.version,
        settings=phase.full_settings(),
        function=phase.function,
    )
    start = time.process_time()
    for unit in phase.units().values():
        task(unit)
    seconds = time.process_time() - start
    (receipt,) = Store(str(folder)).receipts(phase.name).values()
    return {"seconds": seconds, "peak_mb": peak_mb(), "file_mb": receipt.files[0].bytes / 1e6}


def ours(folder: Path) -> dict[str, float]:
    """Look the URLs up as a worker does."""
    import pyarrow as pa

    import gristmill.pipelines.job
    import gristmill.pipelines.local_workers
    from gristmill.filters.web.blocklist import look_up
    from gristmill.filters.web.hosts import hosts_of
    from gristmill.pipelines import blocklists
    from gristmill.pipelines.checkpoints import Store

    assert gristmill.pipelines.job and gristmill.pipelines.local_workers, "a worker has these in memory"
    before = peak_mb()
    (receipt,) = Store(str(folder)).receipts("blocklists").values()
    entry = blocklists.entry_of(receipt)
    (loaded,) = blocklists.load(str(folder), ((entry.path, entry.checksum),))
    given = urls(URLS)
    batches = [pa.array(list(islice(given, BATCH)), pa.string()) for _ in range(0, URLS, BATCH)]
    found = measure(lambda: sum(len(look_up(loaded.index, hosts_of(batch)).rows) for batch in batches))
    return {**found, "before_mb": before}


def python_set(folder: Path) -> dict[str, float]:
    """A set of strings, and the parents of each host down to its registrable domain."""
    from urllib.parse import urlsplit

    from publicsuffixlist import PublicSuffixList

    suffixes = PublicSuffixList()
    with (folder / "list").open() as lines:
        listed = {line.rstrip() for line in lines}
    given = list(urls(URLS))

    def listed_by(url: str) -> bool:
        host = urlsplit(url).hostname or ""
        labels = host.split(".")
        names = (".".join(labels[start:]) for start in range(len(labels)))
        least = len((suffixes.privatesuffix(host) or host).split("."))
        return any(name in listed for name in names if name.count(".") + 1 >= least)

    return measure(lambda: sum(map(listed_by, given)))


PEER = """
import sys, time
from pathlib import Path
from statistics import median
sys.path.insert(0, sys.argv[1])
import blocklist
from datatrove.data import Document
from datatrove.pipeline.filters import URLFilter
from tldextract import TLDExtract
with (Path(sys.argv[2]) / "list").open() as lines:
    urlfilter = URLFilter(extra_domains=(line for line in lines), use_integrated_lists=False)
urlfilter.tldextractor = TLDExtract(suffix_list_urls=())
documents = [Document(text="", id="", metadata={"url": url}) for url in blocklist.urls(blocklist.URLS)]
print(blocklist.json.dumps(blocklist.measure(lambda: sum(urlfilter.filter(each) is not True for each in documents))))
"""

SIDES = {"build": build, "ours": ours, "set": python_set}


def run(command: Sequence[str | Path]) -> dict[str, float]:
    """The figures that a process prints on its last line."""
    output = subprocess.run([str(each) for each in command], check=True, capture_output=True, text=True).stdout
    found: dict[str, float] = json.loads(output.splitlines()[-1])
    return found


def write_list(path: Path) -> None:
    """The list, without holding it."""
    lines: Iterable[str] = chain.from_iterable((domain(number), "\n") for number in range(ENTRIES))
    with path.open("w") as file:
        file.writelines(lines)


def show(name: str, figures: dict[str, float], note: str = "") -> None:
    """A line of the table."""
    print(f"{name:<22}{figures['rate']:>12,.0f}{figures['found']:>8.1%}{figures['peak_mb']:>10.0f}{note}")


def main() -> None:
    """Measure all sides, print, and end with the figures as JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peer-python", type=Path)
    parser.add_argument("--side", choices=SIDES, help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.side:
        print(json.dumps(SIDES[given.side](given.folder)))
        return
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_list(folder / "list")
        print(f"list: {ENTRIES:,} domains, {(folder / 'list').stat().st_size / 1e6:.0f} MB; {URLS:,} URLs")
        # Ours twice: kernels are compiled at the first use on a machine, and only then.
        sides = ("build", "ours", "ours", "set")
        found = {side: run([sys.executable, Path(__file__), "--side", side, "--folder", folder]) for side in sides}
        built, us = found["build"], found["ours"]
        print(
            f"built once: {built['seconds']:.1f} s, {built['file_mb']:.0f} MB on disk, peak {built['peak_mb']:.0f} MB"
        )
        print(f"{'':<22}{'URLs/s':>12}{'found':>8}{'peak MB':>10}")
        show("Gristmill", us, f"   ({us['before_mb']:.0f} before the list was mapped)")
        show("Python set", found["set"])
        if given.peer_python:
            show("datatrove URLFilter", run([given.peer_python, "-c", PEER, Path(__file__).parent, folder]))
    print(json.dumps({"bar7_rss_mb": round(us["peak_mb"]), "bar7_lookups_s": round(us["rate"])}))


if __name__ == "__main__":
    main()
