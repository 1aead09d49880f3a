"""Language identification on NTREX-128, one thread: accuracy and speed, beside lid.176, py3langid and pycld2.

Run: python benchmarks/language.py [--data ../shared/data] [--peer-python PATH] [--runs 5]

Accuracy is on the languages that lid.176 has labels for: 50 documents of about 560 characters and 100 sentences of each
of 96 translations. The libraries are called as their manuals say, lid.176 and py3langid on one line of text; an answer
counts as right if it is the language of the gold label, and und as wrong. The two halves are every other text: the
parameters were chosen on the first. Then come the reliability of our scores, what happens to documents in two
languages, and speed, in documents per processor second: the median of the runs, which take turns.

pycld2 runs in a virtual environment of its own: --peer-python, or one that is made in a temporary folder. The last line
is one JSON object.
"""

import argparse
import json
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from statistics import fmean, median

import fasttext
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq
from py3langid.langid import MODEL_FILE, LanguageIdentifier

from gristmill.filters.language.bundled import lid_176
from gristmill.filters.language.labels import PREFIX, parse_label
from gristmill.filters.language.model import LanguageModel

ROOT = Path(__file__).parents[1]
PEER = "pycld2==0.42"
CLD2 = """
import json, sys, time
import pycld2
texts = [text.replace("\\0", " ") for text in json.load(sys.stdin)]
def name(text):
    try:
        return pycld2.detect(text)[2][0][1]
    except pycld2.error:
        return "un"
start = time.process_time()
labels = [name(text) for text in texts]
json.dump([labels, time.process_time() - start], sys.stdout)
"""
CLD2_NAMES = {"iw": "he", "jw": "jv", "zh-Hant": "zh", "mo": "ro", "sr-ME": "sr"}
RELATIVES = ({"bos", "hrv", "srp"}, {"ind", "msa"}, {"dan", "nob", "nno"}, {"zho", "yue"})
"""Languages that are not mixed with one another: nobody could tell."""
BINS = (0.0, 0.3, 0.5, 0.7, 0.8, 0.9, 0.95, 0.99, 1.01)
MIXED = 500

Names = npt.NDArray[np.str_]


@dataclass(frozen=True, kw_only=True)
class Gold:
    """Texts and their languages."""

    texts: pa.StringArray
    languages: Names
    is_document: npt.NDArray[np.bool_]

    @classmethod
    def read(cls, path: Path) -> "Gold":
        table = pq.read_table(path)
        table = table.filter(pa.compute.not_equal(table["lid176_label"], "-"))
        return cls(
            texts=table["text"].combine_chunks(),
            languages=np.array([parse_label(label).language for label in table["lid176_label"].to_pylist()]),
            is_document=np.array(table["unit"].to_pylist()) == "doc",
        )

    @property
    def documents(self) -> pa.StringArray:
        return self.texts.filter(pa.array(self.is_document))


def lines(texts: pa.StringArray) -> list[str]:
    return [text.replace("\n", " ") for text in texts.to_pylist()]


def with_lid_176(texts: Sequence[str]) -> Names:
    model = fasttext.load_model(str(lid_176()))
    return np.array([parse_label(found[0]).language for found in model.predict(list(texts))[0]])


def with_py3langid(identifier: LanguageIdentifier, texts: Sequence[str]) -> Names:
    return np.array([parse_label(identifier.classify(text)[0]).language for text in texts])


def with_pycld2(python: Path, texts: Sequence[str]) -> tuple[Names, float]:
    """Languages, and the seconds that it took."""
    done = subprocess.run([python, "-c", CLD2], input=json.dumps(texts), capture_output=True, text=True, check=True)
    labels, seconds = json.loads(done.stdout)
    return np.array([parse_label(CLD2_NAMES.get(label, label)).language for label in labels]), seconds


def accuracy(gold: Gold, found: Names, which: npt.NDArray[np.bool_]) -> float:
    return float((found == gold.languages)[which].mean())


def show_languages(gold: Gold, answers: Mapping[str, Names]) -> None:
    """A row for each language: accuracy on documents and on sentences."""
    print(f"\n{'':<10}" + "".join(f"{name:>20}" for name in answers))
    print(f"{'':<10}" + 4 * f"{'docs':>12}{'sents':>8}" + "   Gristmill's errors")
    for language in sorted(set(gold.languages)):
        of_language = gold.languages == language
        row = f"{language:<10}"
        for found in answers.values():
            for which, width in ((gold.is_document, 12), (~gold.is_document, 8)):
                row += f"{accuracy(gold, found, of_language & which):>{width}.3f}"
        wrong = Counter(answers["Gristmill"][of_language].tolist())
        del wrong[language]
        print(row + "   " + ", ".join(f"{name} {n}" for name, n in wrong.most_common(3)))


def show_summary(gold: Gold, answers: Mapping[str, Names]) -> dict[str, float]:
    """Accuracy on all languages, on its halves, and on the languages that all identifiers know."""
    halves = np.arange(len(gold.languages)) % 2
    known = [set(gold.languages[(found == gold.languages) & gold.is_document].tolist()) for found in answers.values()]
    common = np.isin(gold.languages, list(set.intersection(*known)))
    n = len(set(gold.languages.tolist()))
    print(f"\n{'':<38}" + "".join(f"{name:>12}" for name in answers))
    for unit, of_unit in (("documents", gold.is_document), ("sentences", ~gold.is_document)):
        for name, which in (
            (f"{n} languages", of_unit),
            ("first half", of_unit & (halves == 0)),
            ("second half", of_unit & (halves == 1)),
            (f"{len(set.intersection(*known))} languages that all know", of_unit & common),
        ):
            print(f"{unit + ', ' + name:<38}" + "".join(f"{accuracy(gold, a, which):>12.4f}" for a in answers.values()))
    ours = answers["Gristmill"]
    return {
        "bar2_documents": round(accuracy(gold, ours, gold.is_document), 4),
        "bar2_sentences": round(accuracy(gold, ours, ~gold.is_document), 4),
    }


def show_reliability(gold: Gold, found: Names, scores: npt.NDArray[np.float32]) -> None:
    print(f"\n{'score':<14}{'documents':>10}{'right':>8}{'score':>8}{'sentences':>14}{'right':>8}{'score':>8}")
    for least, most in pairwise(BINS):
        row = f"{least:.2f} to {min(most, 1):.2f}  "
        for of_unit, width in ((gold.is_document, 10), (~gold.is_document, 14)):
            which = of_unit & (scores >= least) & (scores < most)
            n = int(which.sum())
            means = f"{accuracy(gold, found, which):>8.3f}{scores[which].mean():>8.3f}" if n else 16 * " "
            row += f"{n:>{width}}{means}"
        print(row)


def language_of(code: str) -> str:
    return code.partition("_")[0]


def show_mixtures(model: LanguageModel, table: pa.Table, known: Mapping[str, str]) -> None:
    """Documents of two languages, one after the other, in turns, and with a little of the second; and of one."""
    by_name: dict[str, list[list[str]]] = defaultdict(list)
    for name, text in zip(table["lang"].to_pylist(), table["text"].to_pylist(), strict=True):
        if name in known:
            by_name[name].append([line for line in text.split("\n") if line.strip()])
    choice = random.Random(7)
    print(f"\n{'documents in two languages':<34}{'precision':>10}{'recall':>8}{'error of shares':>17}")
    for kind in ("one after the other", "line by line in turns", "a sixth in the second"):
        mixtures = [mixture(kind, by_name, known, choice) for _ in range(MIXED)]
        found = model.identify(pa.array([text for text, _ in mixtures])).shares.to_pylist()
        right, named, wanted, errors = 0, 0, 0, []
        for shares, (_, gold) in zip(found, mixtures, strict=True):
            ours: dict[str, float] = defaultdict(float)
            for each in shares:
                ours[language_of(each["language"])] += each["share"]
            right += len(ours.keys() & gold.keys())
            named += len(ours)
            wanted += len(gold)
            errors += [abs(ours.get(language, 0) - share) for language, share in gold.items()]
        print(f"{kind:<34}{right / named:>10.3f}{right / wanted:>8.3f}{fmean(errors):>17.3f}")
    monolingual = table.filter(pa.compute.is_in(table["lang"], pa.array([*known])))
    for name, some in ((f"{len(set(known.values()))} languages", monolingual), ("all languages", table)):
        several = np.diff(model.identify(some["text"]).shares.offsets.to_numpy()) > 1
        print(f"false second language, {name}: {100 * several.mean():.2f} % of {len(several):,} documents")


def mixture(
    kind: str, by_name: Mapping[str, list[list[str]]], known: Mapping[str, str], choice: random.Random
) -> tuple[str, dict[str, float]]:
    """A document of two languages that are not relatives, and their shares."""
    while True:
        names = choice.sample(sorted(by_name), 2)
        languages = {known[name] for name in names}
        if len(languages) == 2 and not any(languages <= some for some in RELATIVES):
            break
    first, second = (choice.choice(by_name[name]) for name in names)
    if kind == "line by line in turns":
        n = min(len(first), len(second))
        first, second = first[:n], second[:n]
        text = "\n".join(line for pair in zip(first, second, strict=True) for line in pair)
    else:
        second = second[: max(len(first) // 5, 1)] if kind == "a sixth in the second" else second
        text = "\n".join(first) + "\n\n" + "\n".join(second)
    sizes = [len("\n".join(some)) for some in (first, second)]
    return text, {known[name]: size / sum(sizes) for name, size in zip(names, sizes, strict=True)}


def seconds(works: Mapping[str, Callable[[], float | None]], runs: int) -> dict[str, float]:
    """Median processor seconds of each work, in turns, after a first run that does not count."""
    times: dict[str, list[float]] = {name: [] for name in works}
    for run in range(runs + 1):
        for name, work in works.items():
            start = time.process_time()
            elsewhere = work()
            took = time.process_time() - start if elsewhere is None else elsewhere
            if run:
                times[name].append(took)
    return {name: median(some) for name, some in times.items()}


def show_speed(model: LanguageModel, gold: Gold, long: pa.ChunkedArray, python: Path, runs: int) -> float:
    """Documents per second on short documents, and our cost per byte on long ones; return the first."""
    texts = lines(gold.documents)
    few = texts[::10]
    lid, identifier = fasttext.load_model(str(lid_176())), LanguageIdentifier.from_model_file(MODEL_FILE)
    works: dict[str, Callable[[], float | None]] = {
        "Gristmill": lambda: model.identify(gold.documents) and None,
        "lid.176": lambda: lid.predict(texts) and None,
        "py3langid": lambda: [identifier.classify(text) for text in few] and None,
        "pycld2": lambda: with_pycld2(python, texts)[1],
        "long": lambda: model.identify(long) and None,
    }
    took = seconds(works, runs)
    sizes = {"py3langid": len(few), "long": len(long)}
    rates = {name: sizes.get(name, len(texts)) / each for name, each in took.items()}
    characters = fmean(map(len, texts))
    print(f"\ndocuments/s of {characters:.0f} characters: " + ", ".join(f"{n} {rates[n]:,.0f}" for n in [*works][:4]))
    print(f"Gristmill beside lid.176 by the library: {rates['Gristmill'] / rates['lid.176']:.1f} x")
    size = pa.compute.sum(pa.compute.binary_length(long)).as_py()
    print(
        f"Gristmill, NTREX documents of {size / len(long):,.0f} bytes: {rates['long']:,.0f} documents/s, "
        f"{1e9 * took['long'] / size:.0f} ns a byte"
    )
    return rates["Gristmill"]


def install(folder: Path) -> Path:
    """A virtual environment with pycld2; its Python."""
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    python = folder / "bin" / "python"
    subprocess.run([python, "-m", "pip", "install", "--quiet", PEER], check=True, stderr=subprocess.DEVNULL)
    return python


def main() -> None:
    """Measure, print, and end with the figures as JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data")
    parser.add_argument("--peer-python", type=Path)
    parser.add_argument("--runs", type=int, default=5)
    given = parser.parse_args()
    path = given.data / "lid" / "ntrex_gold.parquet"
    if not path.exists():
        sys.exit(f"no data at {path}; see --data")
    gold, long = Gold.read(path), pq.read_table(path.with_name("ntrex_documents.parquet"))
    model, texts = LanguageModel.load(), lines(gold.texts)
    with tempfile.TemporaryDirectory() as name:
        python = given.peer_python.absolute() if given.peer_python else install(Path(name) / "peer")
        found = model.identify(gold.texts)
        answers = {
            "Gristmill": np.array([language_of(code) for code in found.primary.to_pylist()]),
            "lid.176": with_lid_176(texts),
            "py3langid": with_py3langid(LanguageIdentifier.from_model_file(MODEL_FILE), texts),
            "pycld2": with_pycld2(python, texts)[0],
        }
        show_languages(gold, answers)
        result = show_summary(gold, answers)
        undetermined = (answers["Gristmill"] == "und")[~gold.is_document].mean()
        print(f"sentences with too few letters to have a language, counted as wrong: {100 * undetermined:.2f} %")
        show_reliability(gold, answers["Gristmill"], found.scores)
        labels = pq.read_table(path, columns=["language", "lid176_label"])
        names = zip(labels["language"].to_pylist(), labels["lid176_label"].to_pylist(), strict=True)
        known = {name: parse_label(PREFIX + label).language for name, label in names if label != "-"}
        show_mixtures(model, long, known)
        result["bar2_docs_s"] = round(show_speed(model, gold, long["text"], python, given.runs))
    print(json.dumps(result))


if __name__ == "__main__":
    main()
