"""Limits per language: how they are fitted to NTREX-128, what they keep of text they have not seen, and what they drop.

Run from the repository's root: `python benchmarks/limits.py`; with `--write` it first makes anew what is shipped, which
is `filters/limits_languages.toml` and `filters/data/word_order.npz`. The last line is one JSON object.

1. Held out: limits fitted on every other document of a language, tried on the rest.
2. Left out: what languages would keep by the limits of their script, had they not been fitted.
3. Other text: what each set of rules drops of law, manuals, medicine and finance.
4. Good and bad text in 32 languages (issue 3, bar 4): that of `tests/filters/corrupt.py`.
"""

import importlib.util
import json
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import ModuleType

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from gristmill.filters import stop_words, word_order
from gristmill.filters.annotate import Annotator
from gristmill.filters.calibrate import SETS, calibrate
from gristmill.filters.kernel import annotate_kernel
from gristmill.filters.language.labels import parse_label
from gristmill.filters.rules import Limits, decide
from gristmill.filters.signals import StopWords
from gristmill.reports.limits_file import to_toml
from gristmill.schemas import SIGNAL_FIELDS
from gristmill.schemas.recipe import Language, Rules

ROOT = Path(__file__).parents[1]
DATA = ROOT.parent / "shared/data"
BAR = ("tha_Thai", "hin_Deva", "tam_Taml", "ara_Arab", "zho_Hans", "zho_Hant", "jpn_Jpan", "khm_Khmr", "amh_Ethi")
OTHER_TEXT = ("finance-en", "laws-eu", "laws-zh", "medicine-en", "php-manual")
ABOUT = """Made from NTREX-128 (Federmann et al. 2022, CC-BY-SA-4.0) by `python benchmarks/limits.py --write`.
Do not edit. Method: docs/calibration.md.
"""
Mask = npt.NDArray[np.bool_]


def ntrex() -> dict[str, list[str]]:
    """Documents by ISO 639-3 language; of four kinds of English, one."""
    table = pq.read_table(DATA / "lid/ntrex_documents.parquet")
    texts: dict[str, list[str]] = defaultdict(list)
    for name, text in zip(table["lang"].to_pylist(), table["text"].to_pylist(), strict=True):
        if name not in ("eng-GB", "eng-IN", "eng-US"):
            texts[parse_label(name.partition("-")[0] + "_Zyyy").language].append(text)
    return dict(sorted(texts.items()))


def measured(texts: Mapping[str, list[str]]) -> pa.Table:
    """Signals of texts whose language is known, with the script that the kernel sees."""
    lists = StopWords.compile(stop_words.load())
    flat = [text for some in texts.values() for text in some]
    languages = [language for language, some in texts.items() for _ in some]
    found = annotate_kernel(pa.array(flat, pa.large_string()), languages, lists).signals
    scripts = found["script"].to_pylist()
    return pa.table(
        {
            "doc_id": [str(number) for number in range(len(flat))],
            "language": [f"{a}_{b}" for a, b in zip(languages, scripts, strict=True)],
            "language_score": pa.array(np.ones(len(flat)), pa.float32()),
            **{field.name: found[field.name] for field in SIGNAL_FIELDS},
        }
    )


def kept(table: pa.Table, limits: Limits) -> Mask:
    verdicts = [decide(batch, limits)["keep"] for batch in table.combine_chunks().to_batches()]
    return np.concatenate([each.to_numpy(zero_copy_only=False) for each in verdicts])


def codes_of(table: pa.Table) -> npt.NDArray[np.str_]:
    return np.array(table["language"].to_pylist())


def shares(keep: Mask, codes: npt.NDArray[np.str_], least: int = 20) -> list[tuple[float, str]]:
    """Share kept by language, lowest first."""
    found = [
        (float(keep[codes == code].mean()), str(code)) for code in np.unique(codes) if (codes == code).sum() >= least
    ]
    return sorted(found)


def show_shares(name: str, found: list[tuple[float, str]]) -> tuple[float, float]:
    middle = float(np.median([share for share, _ in found]))
    worst = ", ".join(f"{code} {share:.3f}" for share, code in found[:6])
    print(f"{name:<34} median {middle:.3f}  worst {worst}")
    return middle, found[0][0]


def held_out(table: pa.Table) -> dict[str, float]:
    """Fit on half the documents of each language, try on the other; both ways."""
    codes = codes_of(table)
    odd = np.zeros(len(codes), np.bool_)
    for code in np.unique(codes):
        odd[np.flatnonzero(codes == code)[1::2]] = True
    plain = Limits.load(Rules().sets, fitted=False)
    both = {"limits.toml alone": np.zeros(len(codes), np.bool_), "fitted": np.zeros(len(codes), np.bool_)}
    for half in (odd, ~odd):
        limits = calibrate(table.filter(pa.array(half)), plain, min_documents=40).limits
        test = table.filter(pa.array(~half))
        both["limits.toml alone"][~half] = kept(test, plain)
        both["fitted"][~half] = kept(test, Limits.load(Rules().sets, limits, fitted=False))
    show_shares("left out: limits of the script", shares(both["limits.toml alone"], codes))
    middle, worst = show_shares("held out: fitted on the other half", shares(both["fitted"], codes))
    return {"heldout_median": middle, "heldout_worst": round(worst, 4), "heldout_kept": float(both["fitted"].mean())}


def show_other_text() -> None:
    """What each set alone drops, and what the default sets drop for one set's sake only."""
    import zstandard  # noqa: PLC0415 - needed here only

    names = ("gopher", "c4", "fineweb", "gristmill", "refinedweb", "mc4")
    print(f"\n{'dropped by':<14}{'documents':>10}" + "".join(f"{name:>12}" for name in names) + f"{'default':>10}")
    for corpus in OTHER_TEXT:
        texts: dict[str, list[str]] = defaultdict(list)
        data = zstandard.ZstdDecompressor().stream_reader((DATA / f"text/{corpus}.jsonl.zst").open("rb")).read()
        for line in data.decode().splitlines():
            texts[json.loads(line)["lang"]].append(json.loads(line)["text"])
        table = measured(texts)
        alone = [1 - kept(table, Limits.load([name])).mean() for name in names]
        default = 1 - kept(table, Limits.load(Rules().sets)).mean()
        print(
            f"{corpus:<14}{table.num_rows:>10,}" + "".join(f"{share:>12.1%}" for share in alone) + f"{default:>10.1%}"
        )


def bar_4(corrupt: ModuleType) -> Iterator[tuple[str, str, int, int]]:
    """Language, what was done to its text, texts, and how many were kept; the whole of annotate and decide."""
    annotator = Annotator.load(model=None)
    limits = Limits.load(Rules().sets, min_score=Language().min_score)
    for code in corrupt.LANGUAGES:
        good = corrupt.news(code)
        made = {"good": good} | {
            kind: [change(text, code) for change in ways.values() for text in good]
            for kind, ways in corrupt.CORRUPTIONS.items()
        }
        for kind, texts in made.items():
            ids = pa.array([str(number) for number in range(len(texts))])
            keep = decide(annotator.annotate(ids, pa.array(texts)), limits)["keep"]
            yield code, kind, len(texts), keep.true_count


def show_bar_4() -> dict[str, float]:
    spec = importlib.util.spec_from_file_location("corrupt", ROOT / "tests/filters/corrupt.py")
    assert spec is not None
    assert spec.loader is not None
    corrupt = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(corrupt)
    kinds = ("good", *corrupt.CORRUPTIONS)
    rows: dict[str, dict[str, tuple[int, int]]] = defaultdict(dict)
    for code, kind, n, keep in bar_4(corrupt):
        rows[code][kind] = n, keep
    print(f"\n{'kept of':<10}" + "".join(f"{kind:>21}" for kind in kinds))
    for code in sorted(rows, key=lambda code: (code not in BAR, code)):
        cells = "".join(f"{f'{rows[code][kind][1]} of {rows[code][kind][0]}':>21}" for kind in kinds)
        print(f"{code:<10}{cells}{'' if code in BAR else '   (not in the bar)'}")

    def share(codes: tuple[str, ...], wanted: tuple[str, ...]) -> float:
        some = [rows[code][kind] for code in codes for kind in wanted]
        return round(sum(keep for _, keep in some) / sum(n for n, _ in some), 4)

    bad = tuple(corrupt.CORRUPTIONS)
    dropped = {kind.replace(" ", "_"): round(1 - share(BAR, (kind,)), 4) for kind in bad}
    return {
        "bar4_pass": share(BAR, ("good",)),
        "bar4_corrupt_dropped": round(1 - share(BAR, bad), 4),
        **{f"bar4_{kind}_dropped": value for kind, value in dropped.items()},
        "all_languages_pass": share(tuple(rows), ("good",)),
    }


def write(texts: Mapping[str, list[str]]) -> None:
    """Make the shipped files anew: the word orders first, which are a signal."""
    (ROOT / "filters/data/word_order.npz").write_bytes(word_order.train(texts).to_bytes())
    word_order.load.cache_clear()
    made = calibrate(measured(texts), Limits.load(sorted(SETS), fitted=False))
    (ROOT / "filters/limits_languages.toml").write_text(to_toml(made, about=ABOUT), "utf-8")
    print(f"{len(made.fits)} languages fitted, {len(made.limits)} with limits of their own")


def main() -> None:
    """Measure, print, and end with the figures as JSON."""
    if not DATA.exists():
        print("skipped: the shared data are not there")
        return
    texts = ntrex()
    if "--write" in sys.argv[1:]:
        write(texts)
        print("run again to measure")
        return
    table = measured(texts)
    show_shares("all, by the shipped limits", shares(kept(table, Limits.load(Rules().sets)), codes_of(table)))
    figures = held_out(table)
    show_other_text()
    print(json.dumps(figures | show_bar_4()))


if __name__ == "__main__":
    main()
