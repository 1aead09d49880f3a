"""Classifiers of quality and domains on real text: how good, how well calibrated, how fast, and always the same?

Run from the repository's root: `python benchmarks/quality.py`. Needs ../shared/data; takes about two minutes. The
last line is one JSON object. Quality is measured on documents not learnt from, the half that a bit of a hash
gives, and on those alone that a run learns from and reports on, of 50 words or more; domains on 20 words or more:

- dirty: English medicine against other text, half of which is medicine as well, as raw text holds good text. The figure
  that says something: median and range over eight ways to split, beside what is expected were all else told apart;
  and the calibration error as built in, by isotonic regression, and by Platt scaling;
- news: NTREX news against the PHP manual, 10 languages. Easy: it shows that nothing is broken, not how good it is;
- domains: accuracy where each domain is one source, which is easy too; a source of finance that was not learnt from;
  and news of another kind than what was learnt as general, which should be general;
- speed: processor time of scoring, and of training, beside the fasttext library on words and pairs of words, which does
  not normalise the text;
- whether ten trainings in a row give the same bytes, here and in the library, one thread, fixed seed, in a process that
  has used its memory before.
"""

import io
import json
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import xxhash
import zstandard

from gristmill.filters.quality import calibration, examples, word_ngrams
from gristmill.filters.quality import scores as quality
from gristmill.filters.quality.calibration import Calibration
from gristmill.filters.quality.examples import Documents, Examples
from gristmill.schemas import digest

DATA = Path(__file__).parents[2] / "shared/data"
NEWS_OF = {
    **{"deu": "deu", "spa": "spa", "fra": "fra", "ita": "ita", "jpn": "jpn", "pol": "pol", "por": "por"},
    **{"rus": "rus", "tur": "tur", "zho": "zho-CN"},
}
CODES = {"jpn": "jpn_Jpan", "zho": "zho_Hans", "rus": "rus_Cyrl"}
QUOTA = 2_000_000
RUNS = 5
TRAININGS = 10
SPLITS = 8

Floats = npt.NDArray[np.float64]


def texts_of(name: str) -> Iterator[dict[str, Any]]:
    path = DATA / f"text/{name}.jsonl.zst"
    with path.open("rb") as file:
        for line in io.TextIOWrapper(zstandard.ZstdDecompressor().stream_reader(file), "utf-8"):
            yield json.loads(line)


def load() -> dict[tuple[str, str], list[str]]:
    """Texts by language and kind."""
    found: dict[tuple[str, str], list[str]] = defaultdict(list)
    for name in ("php-manual", "finance-en", "medicine-en", "laws-zh"):
        for row in texts_of(name):
            found[row["lang"], row["domain"]].append(row["text"])
    for row in pq.read_table(DATA / "lid/ntrex_documents.parquet").to_pylist():
        found[row["lang"], "news"].append(row["text"])
    orders = json.loads((DATA / "domain/manufacturing-maintie/data/gold_release.json").read_text())
    said = [" ".join(each["tokens"]) for each in orders]
    found["eng", "manufacturing"] = [". ".join(said[start : start + 12]) for start in range(0, len(said), 12)]
    tables = json.loads((DATA / "domain/finance-tatqa/dataset_raw/tatqa_dataset_dev.json").read_text())
    found["eng", "reports"] = ["\n".join(part["text"] for part in each["paragraphs"]) for each in tables]
    return found


def hash_of(text: str, seed: int = 0) -> int:
    return xxhash.xxh3_64_intdigest(text.encode(), seed=seed)


def documents_of(classes: Sequence[Sequence[str]], language: str, seed: int = 0) -> Documents:
    """All texts once, in the order of their hashes."""
    rows = sorted({hash_of(text, seed): (number, text) for number, some in enumerate(classes) for text in some}.items())
    return Documents(
        texts=word_ngrams.excerpts(pa.array([text for _, (_, text) in rows], pa.string())),
        classes=np.array([number for _, (number, _) in rows], np.int64),
        languages=np.full(len(rows), language, object),
        hashes=np.array([hashed for hashed, _ in rows], np.uint64) >> np.uint64(8),
    )


def halves(classes: Sequence[Sequence[str]], seed: int = 0) -> tuple[list[list[str]], list[list[str]]]:
    """Which half a text is in, is decided by a bit of its hash."""
    one, two = ([[text for text in some if hash_of(text, seed) >> 63 == half] for some in classes] for half in (0, 1))
    return one, two


def chosen(classes: Sequence[Sequence[str]], language: str, *, ratio: int, seed: int = 0) -> Examples:
    documents = documents_of(classes, language, seed)
    return examples.choose(documents, n_classes=len(classes), quotas={language: QUOTA}, max_ratio=ratio)


def isotonic(scores: Floats, good: npt.NDArray[np.bool_]) -> Callable[[Floats], Floats]:
    """Pool-adjacent-violators, both classes weighing the same, straight lines between."""
    order = np.argsort(scores, kind="stable")
    weights = np.where(good, 0.5 / good.sum(), 0.5 / (~good).sum())
    pools: list[list[float]] = []
    for place in order:
        pools.append([float(good[place]) * weights[place], weights[place], 1])
        while len(pools) > 1 and pools[-2][0] * pools[-1][1] >= pools[-1][0] * pools[-2][1]:
            last = pools.pop()
            pools[-1] = [one + two for one, two in zip(pools[-1], last, strict=True)]
    fitted = np.repeat([total / weight for total, weight, _ in pools], [int(n) for _, _, n in pools])
    return lambda values: np.interp(values, scores[order], fitted)


def some(value: float | None) -> float:
    """A figure that must be there: nothing is reported in place of one that is not."""
    assert value is not None
    return value


@dataclass(frozen=True, kw_only=True)
class Found:
    auc: float
    reported_auc: float
    built_in: float
    isotonic: float
    platt: float
    levels: int
    isotonic_levels: int


def measure_quality(reference: list[str], raw: list[str], language: str, *, seed: int = 0) -> Found:
    learning, testing = halves([reference, raw], seed)
    given = chosen(learning, language, ratio=1, seed=seed)
    learnt = quality.learn_quality(given, labels=("reference", "raw"), languages=(language,))
    assert learnt is not None and isinstance(learnt.classifier.sureness, Calibration)
    test = documents_of(testing, language, seed)
    scored = word_ngrams.score(test.texts, learnt.classifier.weights, word_ngrams.no_weights())
    reported = scored.n_words >= examples.MIN_PIECE_WORDS
    scores, good = scored.first[reported], test.classes[reported] == 0
    assert good.any() and not good.all(), "the test half lacks a class"
    line, sureness = scores[:, 0], learnt.classifier.sureness
    built_in = sureness(line)
    steps = isotonic(learnt.scores[:, 0], given.classes == 0)(line)
    curve = 1 / (1 + np.exp(-(sureness.slope * line + sureness.intercept)))
    return Found(
        auc=some(calibration.auc(built_in, good)),
        reported_auc=some(calibration.auc(learnt.scores[:, 0], given.classes == 0)),
        built_in=calibration.calibration_error(built_in, good),
        isotonic=calibration.calibration_error(steps, good),
        platt=calibration.calibration_error(curve, good),
        levels=len(np.unique(built_in)),
        isotonic_levels=len(np.unique(steps)),
    )


def show(name: str, found: Sequence[Found]) -> dict[str, float]:
    """Medians over some measurements, and the range of the area under the curve."""
    columns = {field.name: [getattr(each, field.name) for each in found] for field in fields(Found)}
    middle = {each: float(median(values)) for each, values in columns.items()}
    print(
        f"{name:<12} AUC {middle['auc']:.4f} ({min(columns['auc']):.4f}..{max(columns['auc']):.4f}), reported "
        f"{middle['reported_auc']:.4f}; calibration error {middle['built_in']:.4f} ({middle['levels']:.0f} levels), "
        f"isotonic {middle['isotonic']:.4f} ({middle['isotonic_levels']:.0f}), Platt {middle['platt']:.4f}"
    )
    return middle


def measure_dirty(medicine: list[str], other: list[str]) -> tuple[dict[str, float], float]:
    """Medians over the splits; and about the area under the curve to expect, were all but medicine told apart."""
    found, shares = [], []
    long_enough = {text for text in [*medicine, *other] if len(text.split()) >= examples.MIN_PIECE_WORDS}
    for seed in range(1, SPLITS + 1):
        # Which medicine is raw is decided by another bit than which half a text is in.
        raw = [text for text in medicine if hash_of(text, seed) & 1]
        found.append(
            measure_quality([t for t in medicine if not hash_of(t, seed) & 1], [*raw, *other], "eng_Latn", seed=seed)
        )
        shares.append(sum(t in long_enough for t in raw) / sum(t in long_enough for t in [*raw, *other]))
    return show("dirty", found), 1 - median(shares) / 2


@dataclass(frozen=True, kw_only=True)
class Domains:
    accuracy: float
    elsewhere: dict[str, dict[str, float]]


def measure_domains(classes: dict[str, list[str]], others: dict[str, list[str]], language: str) -> Domains:
    """Accuracy on the half not learnt from; and what texts of sources not learnt from are called. Prints both."""
    labels = tuple(classes)
    learning, testing = halves(list(classes.values()))
    learnt = quality.learn_domains(chosen(learning, language, ratio=4), labels=labels, languages=(language,))

    def said(documents: Documents) -> tuple[Any, Any, Any]:
        scores = word_ngrams.score(documents.texts, learnt.classifier.weights, word_ngrams.no_weights())
        enough = scores.n_words >= quality.MIN_SCORED_WORDS
        return documents.classes[enough], *learnt.classifier.likeliest(scores.first[enough])

    right, best, sure = said(documents_of(testing, language))
    confusion = np.zeros((len(labels), len(labels)), int)
    np.add.at(confusion, (right, best), 1)
    print(f"{language}, declared by said: " + ", ".join(labels))
    for label, row in zip(labels, confusion, strict=True):
        print(f"  {label:<16}" + "".join(f"{count:>7}" for count in row))
    accuracy = float((best == right).mean())
    print(f"  accuracy {accuracy:.4f}, said {sure.mean():.4f}")
    elsewhere = {}
    for name, texts in others.items():
        _, best, sure = said(documents_of([texts], language))
        elsewhere[name] = {label: float((best == number).mean()) for number, label in enumerate(labels)}
        shares = ", ".join(f"{label} {share:.3f}" for label, share in elsewhere[name].items())
        print(f"  {name}, not learnt from, {len(best)} documents: {shares}; said {sure.mean():.3f}")
    return Domains(accuracy=accuracy, elsewhere=elsewhere)


def seconds(work: Callable[[], object], runs: int = RUNS) -> float:
    """Median processor time of a call, after one that does not count."""
    work()
    times = []
    for _ in range(runs):
        start = time.process_time()
        work()
        times.append(time.process_time() - start)
    return median(times)


def measure_speed(classes: dict[str, list[str]]) -> dict[str, float]:
    import fasttext  # noqa: PLC0415

    given = chosen([classes["medicine"], classes["software"]], "eng_Latn", ratio=1)
    start = time.process_time()
    learnt = quality.learn_quality(given, labels=("a", "b"), languages=("eng_Latn",))
    ours = time.process_time() - start
    domains = quality.learn_domains(
        chosen(list(classes.values()), "eng_Latn", ratio=4), labels=tuple(classes), languages=("eng_Latn",)
    )
    assert learnt is not None
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "train.txt")
        lines = zip(given.spelt.to_pylist(), given.classes.tolist(), strict=True)
        path.write_text("".join(f"__label__{n} {piece}\n" for text, n in lines for piece in quality.pieces(text)))
        start = time.process_time()
        # Ten threads: with fewer, the library leaves part of its matrix unset.
        library = fasttext.train_supervised(
            str(path), dim=16, lr=0.5, epoch=10, wordNgrams=2, bucket=1 << 20, thread=10, verbose=0
        )
        theirs = time.process_time() - start
    texts = pq.read_table(DATA / "lid/ntrex_documents.parquet", columns=["text"])["text"].combine_chunks()
    english = pa.array(classes["medicine"] + classes["software"], pa.string())
    none = word_ngrams.no_weights()
    one, two = learnt.classifier.weights, domains.classifier.weights
    found = {}
    for name, some in (("128_languages", texts), ("english", english)):
        megabytes = pc.sum(pc.binary_length(some)).as_py() / 1e6
        flat = [text.replace("\n", " ") for text in some.to_pylist()]
        few = flat[:2000]
        part = sum(len(text.encode()) for text in few) / 1e6
        found[f"score_{name}_mb_s"] = megabytes / seconds(lambda some=some: word_ngrams.score(some, one, none))
        found[f"score_and_domain_{name}_mb_s"] = megabytes / seconds(
            lambda some=some: word_ngrams.score(some, one, two)
        )
        found[f"excerpts_too_{name}_mb_s"] = megabytes / seconds(
            lambda some=some: word_ngrams.score(word_ngrams.excerpts(some), one, two)
        )
        found[f"fasttext_predict_{name}_mb_s"] = part / seconds(lambda few=few: library.predict(few), runs=3)
    found |= {"train_and_evaluate_s": ours, "fasttext_train_once_s": theirs}
    for name, figure in found.items():
        print(f"{name:<42}{figure:>10.1f}")
    return found


_LIBRARY = """
import sys, fasttext, numpy, xxhash
found = set()
for number in range(int(sys.argv[2])):
    junk = [numpy.full(200_000, 3.0 + number) for _ in range(40)]  # what a process leaves behind in its memory
    del junk
    try:
        model = fasttext.train_supervised(
            sys.argv[1], dim=16, epoch=3, lr=0.1, wordNgrams=2, bucket=1 << 18, thread=1, seed=1, verbose=0
        )
        found.add(xxhash.xxh3_64_hexdigest(model.get_input_matrix().tobytes()))
    except RuntimeError as error:
        found.add(str(error))
print(len(found), "NaN" if any("NaN" in each for each in found) else "")
"""


def measure_sameness(classes: dict[str, list[str]]) -> tuple[int, int]:
    """Different models in ten trainings on the same text: ours, and the library's with one thread and a seed."""
    given = chosen([classes["medicine"][:200], classes["software"][:400]], "eng_Latn", ratio=1)

    def train() -> str:
        learnt = quality.learn_quality(given, labels=("a", "b"), languages=("eng_Latn",))
        assert learnt is not None
        return digest(learnt.classifier.to_bytes())

    ours = len({train() for _ in range(TRAININGS)})
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "train.txt")
        lines = zip(given.spelt.to_pylist(), given.classes.tolist(), strict=True)
        path.write_text("".join(f"__label__{n} {piece}\n" for text, n in lines for piece in quality.pieces(text)))
        command = [sys.executable, "-c", _LIBRARY, str(path), str(TRAININGS)]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
    print(f"different models in {TRAININGS} trainings: ours {ours}, the fasttext library's {done.stdout.strip()}")
    return ours, int(done.stdout.split()[0])


def main() -> None:
    """Measure, print, and end with the figures as JSON."""
    if not DATA.is_dir():
        print(f"skipped: {DATA.name} is not there")
        return
    texts = load()
    english = {name: texts["eng", name] for name in ("finance", "medicine", "manufacturing", "software")}
    news = [
        measure_quality(texts[there, "news"], texts[each, "software"], CODES.get(each, f"{each}_Latn"))
        for each, there in NEWS_OF.items()
    ]
    by_news = show("news", news)
    dirty, possible = measure_dirty(english["medicine"], [*english["software"], *english["finance"]])
    print(f"             AUC expected if all but medicine were told apart: about {possible:.4f}")
    general = [text for text in texts["eng", "news"] if hash_of(text) & 1]
    news_left = [text for text in texts["eng", "news"] if not hash_of(text) & 1]
    reports = {"company reports (finance)": texts["eng", "reports"]}
    closed = measure_domains(english, {**reports, "news (none of these)": texts["eng", "news"]}, "eng_Latn")
    others = {**reports, "other news (general)": news_left}
    opened = measure_domains({**english, "general": general}, others, "eng_Latn")
    chinese = {"law": texts["zho", "law"], "software": texts["zho", "software"]}
    in_chinese = measure_domains(chinese, {}, "zho_Hans")
    speed = measure_speed(english)
    ours, theirs = measure_sameness(english)
    figures = {
        **{f"dirty_{name}": figure for name, figure in dirty.items()},
        "dirty_auc_expected_of_a_perfect_one": possible,
        "news_auc_least": min(each.auc for each in news),
        **{f"news_{name}": figure for name, figure in by_news.items()},
        "domain_accuracy_eng": opened.accuracy,
        "domain_accuracy_zho": in_chinese.accuracy,
        "unseen_finance_as_finance": opened.elsewhere["company reports (finance)"]["finance"],
        "unseen_finance_as_finance_without_general": closed.elsewhere["company reports (finance)"]["finance"],
        "news_as_finance_without_general": closed.elsewhere["news (none of these)"]["finance"],
        "unseen_news_as_general": opened.elsewhere["other news (general)"]["general"],
        **speed,
        "different_models": ours,
        "different_models_fasttext": theirs,
    }
    print(json.dumps({name: round(figure, 4) for name, figure in figures.items()}))


if __name__ == "__main__":
    main()
