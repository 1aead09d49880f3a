"""What nobody should do, done through the command line: each ends in a ledger row or in one clear line, soon."""

import bz2
import gzip
import json
import lzma
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path

import duckdb
import pytest
import zstandard
from click.testing import Result

Gristmill = Callable[..., Result]

COMMAND = (sys.executable, "-m", "gristmill.cli")
ANSI = "\x1b]0;pwn\x07\x1b[2J\x9b31m"
WORDS = ("river", "garden", "copper", "market", "winter", "bridge", "teacher", "harbour", "island", "letter", "engine")


def prose(seed: int) -> str:
    """A document that the rules keep."""
    chosen = random.Random(seed)
    return " ".join(
        f"The {chosen.choice(WORDS)} of the {chosen.choice(WORDS)} was found by a {chosen.choice(WORDS)}, and they "
        f"have the {chosen.choice(WORDS)} with number {chosen.randrange(10**5)}."
        for _ in range(12)
    )


def lines(*records: object) -> bytes:
    return "".join(json.dumps(each) + "\n" for each in records).encode()


def recipe(folder: Path, paths: str = '["in"]', more: str = "") -> Path:
    path = folder / "recipe.toml"
    settings = "[tokenizer]\nvocabulary_size = 1000\n[packing]\nsequence_length = 128\n"
    path.write_text(f'[[inputs]]\nname = "a"\npaths = {paths}\n{more}\n{settings}', "utf-8")
    return path


def one_line(result: Result) -> str:
    """The message of a command that failed as it should."""
    assert result.exit_code == 1, result.output
    message = result.stderr.splitlines()[-1]  # in one process with us, Beam logs to the same stream
    assert message.startswith("error: ")
    return message


# What goes in

HOSTILE: dict[str, bytes] = {
    "good.jsonl": lines(*({"text": prose(seed)} for seed in range(12))),
    "empty.txt": b"",
    "nul.txt": bytes(5000),
    "nul.jsonl": bytes(5000) + b"\n",
    "space.txt": " \n\t\u3000".encode() * 500,
    "emoji.txt": "😀🏳️‍🌈".encode() * 500,
    "word.txt": b"word",
    "long-word.txt": b"x" * 1_000_000,
    "marks.txt": b"e" + "\u0301".encode() * 200_000,
    "lines.txt": b"a\n" * 50_000,
    "deep.jsonl": b"[" * 100_000 + b"]" * 100_000 + b"\n" + b'{"text":' * 50_000 + b"1" + b"}" * 50_000,
    "no-newline.jsonl": b'{"text": "' + b"a b " * 1_000_000 + b'"}',
    "types.jsonl": b'{"text":1}\n{"text":null}\n[]\n1\nnull\n{}\n{"text":""}\n{"text":' + b"9" * 9999 + b"}\n",
    "surrogates.jsonl": b'{"text":"\\ud800 \\udc00 a\\u0000b","url":"\\ud800x","title":"\\udfff"}\n',
    "escapes.jsonl": lines(
        {"text": prose(100), "url": f"http://x/{ANSI}", "title": f"{ANSI}<script>alert(1)</script>"},
        {"text": prose(101), "url": "'; DROP TABLE ledger; --", "title": "%s [red]{0}"},
    ),
    "nested.html": b"<html><body>" + b"<div>" * 50_000 + prose(1).encode(),
    "attribute.html": b"<html><body><p title='" + b"y " * 500_000 + b"'>" + prose(2).encode(),
    "attributes.html": b"<html><p " + b"".join(b"a%d=1 " % n for n in range(50_000)) + b">" + prose(3).encode(),
    "unclosed.html": b'<html><body><p title="' + prose(4).encode() * 100,
    "quote.csv": b'text,b\n"' + prose(5).encode() * 1000,
    "utf16.txt": prose(6).encode("utf-16"),
    "mixed.txt": "é".encode("latin-1") * 500 + "é".encode() * 500,
    "rtl.txt": "هذا نص عربي طويل يتحدث عن المدينة القديمة. ".encode() * 50,
    "thai.txt": "ภาษาไทยเป็นภาษาที่ไม่มีการเว้นวรรคระหว่างคำ".encode() * 50,
    "garbage.dat": random.Random(1).randbytes(50_000),
    "garbage.html": b"<html>" + random.Random(2).randbytes(50_000),
    "garbage.jsonl": random.Random(3).randbytes(20_000),
    "garbage.gz": b"\x1f\x8b\x08" + random.Random(4).randbytes(5000),
    "garbage.parquet": b"PAR1" + random.Random(5).randbytes(5000) + b"PAR1",
    "garbage.pdf": b"%PDF-1.7\n" + random.Random(6).randbytes(5000),
    "archive.zip": b"PK\x03\x04" + random.Random(7).randbytes(5000),
    "bomb.txt.gz": gzip.compress(bytes(64 << 20), 1),
    "bomb.jsonl.gz": gzip.compress(bytes(64 << 20), 1),
    "bomb.txt.bz2": bz2.compress(bytes(64 << 20), 1),
    "bomb.txt.xz": lzma.compress(bytes(64 << 20), preset=0),
    "bomb.txt.zst": zstandard.compress(bytes(64 << 20)),
}
NAMES = (
    b"sp ace.txt", b"quo'te\".txt", b"new\nline.txt", b"gl[o]b*?.txt", b"per%20cent%s.txt", b"--output.txt",
    b"back\\slash.txt", b"\x1b[31mred.txt", b"latin\xe9.txt", b"\xff\xfe.txt", b"a#0.txt", b"x" * 250 + b".txt",
)  # fmt: skip


@pytest.fixture(scope="module")
def hostile(gristmill: Gristmill, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The output of a run over everything above."""
    folder = tmp_path_factory.mktemp("hostile")
    (folder / "in").mkdir()
    for name, data in HOSTILE.items():
        (folder / "in" / name).write_bytes(data)
    for number, raw in enumerate(NAMES):
        Path(os.fsdecode(os.fsencode(folder / "in") + b"/" + raw)).write_text(prose(200 + number), "utf-8")
    more = "[rules]\nsets = []\n[ingest]\nmax_record_bytes = 2_000_000\n"
    result = gristmill("run", recipe(folder, more=more), "-o", folder / "out", "--workers", "1")
    assert result.exit_code == 0, result.output
    return folder / "out"


def test_every_file_has_its_row(hostile: Path) -> None:
    found = {path for (path,) in duckdb.sql(f"SELECT path FROM '{hostile}/documents/*.parquet'").fetchall()}
    names = [*(name.encode() for name in HOSTILE), *NAMES]
    assert {f"in/{name.decode('utf-8', 'backslashreplace')}" for name in names} - found == set()


def test_what_is_too_large_is_told(hostile: Path) -> None:
    query = f"SELECT path FROM '{hostile}/documents/*.parquet' WHERE rule = 'too_large'"
    found = {path for (path,) in duckdb.sql(query).fetchall()}
    assert {"in/no-newline.jsonl", "in/bomb.txt.gz", "in/bomb.txt.bz2", "in/bomb.txt.xz", "in/bomb.txt.zst"} <= found


def test_a_hostile_run_finds_its_work_again(gristmill: Gristmill, hostile: Path) -> None:
    result = gristmill("run", hostile.parent / "recipe.toml", "-o", hostile, "--workers", "1")
    assert "nothing to do" in result.stdout


@pytest.mark.parametrize("more", [[], ["--json"]])
def test_escape_sequences_come_out_harmless(gristmill: Gristmill, hostile: Path, more: list[str]) -> None:
    shown = gristmill("sql", hostile, "SELECT uri, title, path FROM documents", *more).stdout
    shown += gristmill("explain", hostile, "'; DROP TABLE ledger; --", *more).stdout
    assert "DROP TABLE" in shown
    assert not {"\x1b", "\x07", "\x9b"} & set(shown)
    page = (hostile / "report.html").read_text("utf-8")
    assert "\x1b" not in page
    assert "<script>alert" not in page


# Recipes


@pytest.fixture
def place(tmp_path: Path) -> Path:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "docs.jsonl").write_bytes(lines(*({"text": prose(seed)} for seed in range(5))))
    os.mkfifo(tmp_path / "pipe")
    return tmp_path


@pytest.mark.parametrize(
    ("paths", "more", "said"),
    [
        ('["in/docs.json"]', "", "docs.jsonl"),
        ('["pipe"]', "", "is neither a file nor a folder"),
        ('["/dev/zero"]', "", "is neither a file nor a folder"),
        (r'["in/a\u0000b"]', "", "no file matches"),
        ('["in"]', "pathz = 1", "did you mean 'paths'"),
        ('["in"]', 'format = "parkett"', "did you mean 'parquet'"),
        ('["in"]', '[rules.limits.default]\n"gopher.n_word.min" = 3', "did you mean 'gopher.n_words.min'"),
        ('["in"]', "[rules.limits.English]", "English"),
        ('["in"]', '[language]\nmodel = "pipe"', "language.model: no file 'pipe'"),
        ('["in"]', '[language]\nmodel = "in"', "language.model: no file 'in'"),
        ('["in"]', '[language]\nmodel = "recipe.toml"', "not a fastText classifier"),
    ],
)
def test_a_wrong_recipe(gristmill: Gristmill, place: Path, paths: str, more: str, said: str) -> None:
    result = gristmill("run", recipe(place, paths, more), "-o", place / "out", "--workers", "1")
    assert said in one_line(result)


def test_a_recipe_that_is_no_file_is_not_read(gristmill: Gristmill, place: Path) -> None:
    for path in ("/dev/zero", place / "pipe"):
        assert "not a file" in one_line(gristmill("run", path, "-o", place / "out"))


def test_a_broken_link_is_not_passed_over(gristmill: Gristmill, place: Path) -> None:
    (place / "in" / "link.jsonl").symlink_to("/nonexistent")
    message = one_line(gristmill("run", recipe(place), "-o", place / "out"))
    assert "link.jsonl: No such file" in message


def test_a_missing_column_names_the_file_once(gristmill: Gristmill, place: Path) -> None:
    (place / "in" / "docs.csv").write_text("body\nx\n")
    message = one_line(gristmill("run", recipe(place), "-o", place / "out", "--workers", "1"))
    assert message == "error: ingest: in/docs.csv: no column 'text'; there are body"


# Where the output goes


def test_a_folder_of_other_files_is_left_alone(gristmill: Gristmill, place: Path) -> None:
    (place / "in").rename(place / "documents")
    message = one_line(gristmill("run", recipe(place, '["documents"]'), "-o", place))
    assert "holds files that no run wrote" in message
    assert (place / "documents" / "docs.jsonl").exists()


def test_an_output_needs_a_name(gristmill: Gristmill, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(place / "in")
    assert "names no folder" in one_line(gristmill("run", recipe(place), "-o", ""))


@pytest.mark.parametrize("output", ["recipe.toml/out", "in/docs.jsonl", "/proc/out"])
def test_an_output_that_cannot_be_written(gristmill: Gristmill, place: Path, output: str) -> None:
    assert "cannot write here" in one_line(gristmill("run", recipe(place), "-o", place / output))


def test_an_output_among_the_inputs_is_not_read_again(gristmill: Gristmill, place: Path) -> None:
    out = place / "in" / "out"
    for _ in range(2):
        assert gristmill("run", recipe(place), "-o", out, "--until", "ingest", "--workers", "1").exit_code == 0
    assert len(list(out.glob("receipts/ingest/*"))) == 1
    message = one_line(gristmill("run", recipe(place, '["in/out"]'), "-o", out, "--until", "ingest"))
    assert "nothing but files of the output" in message


# What happens to a run


@pytest.fixture(scope="module")
def decided(gristmill: Gristmill, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small run, done until its decisions, beside its recipe."""
    folder = tmp_path_factory.mktemp("decided")
    (folder / "in").mkdir()
    (folder / "in" / "docs.jsonl").write_bytes(lines(*({"text": prose(seed)} for seed in range(20))))
    result = gristmill("run", recipe(folder), "-o", folder / "out", "--until", "decide", "--workers", "1")
    assert result.exit_code == 0, result.output
    return folder


@pytest.fixture
def copy(decided: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(decided, tmp_path / "copy"))


def redo(gristmill: Gristmill, folder: Path) -> Result:
    return gristmill("run", folder / "recipe.toml", "-o", folder / "out", "--until", "decide", "--workers", "1")


def test_flipped_bytes_are_noticed(gristmill: Gristmill, copy: Path) -> None:
    (path,) = copy.glob("out/signals/*.parquet")
    data = bytearray(path.read_bytes())
    data[100] ^= 255
    path.write_bytes(data)
    shutil.rmtree(copy / "out" / "verdicts")
    message = one_line(redo(gristmill, copy))
    assert f"{path} is damaged" in message
    assert "remove this file and run again" in message
    path.unlink()
    assert redo(gristmill, copy).exit_code == 0


@pytest.mark.parametrize("junk", [b"", b"\xff", b"{}", b"[]", b'{"files": [1]}'])
def test_damaged_notes_are_made_anew(gristmill: Gristmill, copy: Path, decided: Path, junk: bytes) -> None:
    for path in [*copy.glob("out/receipts/*/*.json"), *copy.glob("out/*.json")]:
        path.write_bytes(junk)
    assert redo(gristmill, copy).exit_code == 0
    (ours,), (theirs,) = (each.glob("out/verdicts/*.parquet") for each in (copy, decided))
    assert ours.read_bytes() == theirs.read_bytes()


def test_an_error_of_our_own_leaves_its_traceback_in_a_file(
    gristmill: Gristmill, decided: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: str) -> None:
        raise KeyError("\ud800\x1b")

    monkeypatch.setattr("gristmill.pipelines.run.states", fail)
    message = one_line(gristmill("status", decided / "out"))
    assert "this is a fault of Gristmill" in message
    assert "\x1b" not in message
    (log,) = (decided / "out").glob("fault-*.log")
    assert str(log) in message
    assert "Traceback" in log.read_text("utf-8")


FAILING_WORKERS = """
import os, sys
from gristmill.pipelines import runners
from gristmill.pipelines.checkpoints import unit
from gristmill.pipelines.engine import RunError, Task

def die(unit, settings, store, output):
    os.kill(os.getpid(), 9)

def unspeakable(unit, settings, store, output):
    raise ValueError("not UTF-8: \\udcff")

def fault(unit, settings, store, output):
    raise KeyError("unforeseen")

if __name__ == "__main__":
    execute = {
        workers: runners.executor(runner="local", workers=workers, options=(), log=sys.argv[1] + "/workers.log")
        for workers in (1, 2)
    }
    several = [unit(phase="test", version=1, settings={}, descriptor={"n": n}) for n in range(3)]
    large = [unit(phase="test", version=1, settings={}, descriptor={}, size=runners.WORTH_PROCESSES)]
    for units in (several, large):
        for workers, function in ((1, unspeakable), (1, fault), (2, unspeakable), (2, fault), (2, die)):
            task = Task(root=sys.argv[1], phase="test", version=1, settings={}, function=function)
            try:
                execute[workers](task, units)
            except RunError as error:
                print(error)
"""


def test_workers_tell_how_they_fail(tmp_path: Path) -> None:
    (tmp_path / "failing.py").write_text(FAILING_WORKERS)  # a file: workers import its functions
    done = subprocess.run(
        [sys.executable, tmp_path / "failing.py", tmp_path], capture_output=True, text=True, timeout=60, check=True
    )
    unspeakable = "test: not UTF-8: \\udcff"
    fault = f"test: KeyError: 'unforeseen'; this is a fault of Gristmill, please report it with {tmp_path}/workers.log"
    printed = done.stdout.splitlines()
    for *same, died in (printed[:5], printed[5:]):
        assert same == [unspeakable, fault, unspeakable, fault]
        assert "a worker process died" in died
    assert done.stderr == ""
    assert "in fault" in (tmp_path / "workers.log").read_text("utf-8")


@pytest.fixture
def started(decided: Path, tmp_path: Path) -> Iterator[Callable[[str], subprocess.Popen[str]]]:
    """Starts a run in processes of its own."""
    (tmp_path / "in").mkdir()
    for part in range(2):
        (tmp_path / "in" / f"{part}.jsonl").write_bytes(lines(*({"text": prose(seed)} for seed in range(500))))
    path = recipe(tmp_path)
    begun = []

    def start(workers: str) -> subprocess.Popen[str]:
        command = [*COMMAND, "run", path, "-o", tmp_path / "out", "--workers", workers]
        process = subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
            # A shell that runs the tests in the background has told its children to ignore it.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509  (this process has none)
        )
        begun.append(process)
        return process

    yield start
    for each in begun:
        each.communicate(timeout=30)


@pytest.mark.parametrize("workers", ["1", "2"])
def test_an_interrupted_run_stops_at_once_and_alone(
    started: Callable[[str], subprocess.Popen[str]], workers: str
) -> None:
    run = started(workers)
    assert run.stderr is not None
    assert run.stderr.readline().startswith("ingest: ")
    os.killpg(run.pid, signal.SIGINT)
    _, errors = run.communicate(timeout=20)  # ends only when no child holds the pipe any more
    assert errors.splitlines()[-1] == "stopped; the same command goes on from here"
    assert "Traceback" not in errors
    assert run.returncode == 130


def test_a_full_disk(place: Path) -> None:
    """A limit on the size of files stands for it."""
    (place / "in" / "docs.jsonl").write_bytes(lines(*({"text": prose(seed)} for seed in range(300))))
    command = [*COMMAND, "run", recipe(place), "-o", place / "out", "--until", "ingest", "--workers", "1"]
    limited = subprocess.run(
        command,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096)),
    )
    assert limited.returncode == 1
    assert limited.stderr == "error: ingest of in/docs.jsonl: File too large\n"
    subprocess.run(command, capture_output=True, check=True, timeout=60)


def test_closed_streams(decided: Path) -> None:
    """`sql` needs no more than it uses, and stops quietly when nobody listens."""
    ask = f"{COMMAND[0]} -m gristmill.cli sql {decided}/out"
    script = textwrap.dedent(f"""
        {ask} 'SELECT repeat(text, 500) FROM documents' | head -c 10 > /dev/null
        {ask} 'SELECT 1' >&- && echo fine
    """)
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, timeout=60, check=True)
    assert (done.stdout, done.stderr) == ("fine\n", "")
