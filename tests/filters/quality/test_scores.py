"""Training: what is learnt, that it is learnt the same way every time, and how it is stored."""

import math
import random
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from gristmill.filters.quality import scores as quality
from gristmill.filters.quality import softmax_regression, word_ngrams
from gristmill.filters.quality.calibration import Calibration, auc
from gristmill.filters.quality.classifier import Classifier
from gristmill.filters.quality.examples import Documents, Examples, choose, up_to
from gristmill.filters.quality.scores import learn_domains, learn_quality, order_of, pieces
from gristmill.filters.quality.word_ngrams import Weights
from gristmill.schemas import digest

WORDS = ["a", "of", "in", "at", "on", "by", "it", "is", "we", "so"]
OWN = [["oak", "elm"], ["iron", "zinc"], ["lake", "river"]]


def examples(n_classes: int, *, documents: int = 60, share: int = 1) -> Examples:
    """Documents of common words, among which are `share` times as many of a class's own as there are of each."""
    chance = random.Random(7)
    classes = [number % n_classes for number in range(documents)]
    texts = [" ".join(chance.choices([*WORDS, *OWN[number] * share], k=120)) for number in classes]
    folds = np.array([chance.randrange(4) for _ in texts])
    languages = np.full(documents, "eng_Latn", object)
    return Examples(
        spelt=pa.array(texts, pa.large_string()),
        classes=np.array(classes),
        folds=folds,
        languages=languages,
        words_left=(),
        documents_left=(),
    )


def test_exponential_is_that_of_the_maths_library() -> None:
    for x in (0.0, -1e-9, -0.5, -1.0, -10.0, -50.0, -699.0):
        assert softmax_regression.exponential(x) == pytest.approx(math.exp(x), rel=1e-12)
    assert softmax_regression.exponential(-800.0) == 0


def test_quality_is_learnt_and_measured_on_what_was_held_out() -> None:
    given = examples(2)
    learnt = learn_quality(given, labels=("reference", "raw"), languages=("eng_Latn",))
    assert learnt is not None
    assert auc(learnt.scores[:, 0], given.classes == 0) == 1.0
    texts = pa.array(["oak elm " * 20, "iron zinc " * 20, "word never seen " * 10])
    scores = word_ngrams.score(texts, learnt.classifier.weights, word_ngrams.no_weights()).first
    good, bad, unknown = learnt.classifier.probability(scores).tolist()
    assert good > 0.9
    assert bad < 0.1
    assert scores[2, 0] == 0
    assert bad < unknown < good


def test_domains_are_learnt() -> None:
    given = examples(3, documents=90)
    learnt = learn_domains(given, labels=("wood", "metal", "water"), languages=("eng_Latn",))
    best, sure = learnt.classifier.likeliest(learnt.scores)
    assert (best == given.classes).all()
    assert sure.mean() > 0.95
    two = learn_domains(examples(2), labels=("wood", "metal"), languages=("eng_Latn",))
    assert two.classifier.weights.columns.shape == (quality.BUCKETS, 1)
    assert (two.classifier.likeliest(two.scores)[0] == examples(2).classes).all()


def test_what_held_out_documents_do_not_confirm_has_no_score() -> None:
    given = examples(2)
    for seed in range(5):
        shuffled = replace(given, classes=np.random.default_rng(seed).permutation(given.classes))
        assert learn_quality(shuffled, labels=("reference", "raw"), languages=("eng_Latn",)) is None


def test_reported_probabilities_come_from_other_folds() -> None:
    given = examples(2)
    learnt = learn_quality(given, labels=("reference", "raw"), languages=("eng_Latn",))
    assert learnt is not None
    for fold in range(4):
        rest = given.folds != fold
        without = Calibration.fit(learnt.scores[rest, 0], given.classes[rest] == 0)
        assert without is not None
        np.testing.assert_array_equal(learnt.probabilities[~rest], without(learnt.scores[~rest, 0]))


def test_two_processes_learn_the_same_bytes() -> None:
    code = (
        "from test_scores import examples, learn_quality, digest;"
        "print(digest(learn_quality(examples(2), labels=('a', 'b'), languages=('eng_Latn',)).classifier.to_bytes()))"
    )
    folder = Path(__file__).parent
    done = subprocess.run([sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, check=True)
    learnt = learn_quality(examples(2), labels=("a", "b"), languages=("eng_Latn",))
    assert learnt is not None
    assert done.stdout.strip() == digest(learnt.classifier.to_bytes())


def test_a_classifier_is_read_back_as_it_was() -> None:
    columns = np.zeros((16, 2), np.float32)
    columns[3] = [0.5, 0.0]
    columns[9] = [0.0, -2.0]
    for sureness in (Calibration(slope=2.0, intercept=-1.0, steps=((-1.0, 0.25), (2.0, 0.75))), 1.5):
        one = Classifier(
            labels=("a", "b", "c"), languages=("deu_Latn",), weights=Weights(2, columns), sureness=sureness
        )
        back = Classifier.from_bytes(one.to_bytes())
        assert (back.labels, back.languages, back.sureness) == (one.labels, one.languages, sureness)
        assert back.weights.order == 2
        np.testing.assert_array_equal(back.weights.columns, columns)


def test_damaged_files_are_value_errors() -> None:
    columns = np.ones((4, 1), np.float32)
    data = Classifier(labels=("a", "b"), languages=(), weights=Weights(1, columns), sureness=1.0).to_bytes()
    for bad in (b"", b"ARROW1", data[: len(data) // 2], data.replace(b"sureness", b"surenets")):
        with pytest.raises(ValueError, match="not a classifier of Gristmill, or damaged"):
            Classifier.from_bytes(bad)


def test_pieces_are_of_equal_length_and_none_is_short() -> None:
    words = [str(n) for n in range(150 + 150 + 49)]
    assert [piece.count(" ") + 1 for piece in pieces(" ".join(words))] == [150, 150]
    assert [piece.count(" ") + 1 for piece in pieces(" ".join([*words, "x"]))] == [150, 150, 50]
    assert list(pieces("too short")) == []


def test_choose_takes_as_much_of_each_class_in_each_language() -> None:
    short, long = " ".join(["x"] * 49), " ".join(["x"] * 1000)
    texts = [short, *[long] * 3, *[" ".join(["y"] * 100)] * 40, long, long]
    classes = np.array([0, *[0] * 3, *[1] * 40, 0, 1])
    languages = np.array([*["deu_Latn"] * 44, "eng_Latn", "fra_Latn"], object)
    documents = Documents(
        texts=pa.array(texts), classes=classes, languages=languages, hashes=np.arange(46).astype(np.uint64)
    )
    chosen = choose(documents, n_classes=2, quotas={"deu_Latn": 10_000}, max_ratio=1)
    assert chosen.documents_left == (4, 41)
    assert chosen.words_left == (4000, 5000)
    # Three long documents count for 150 words each, and 450 words of the others are enough to match them.
    assert [text.count(" ") + 1 for text in chosen.spelt.to_pylist()] == [150] * 3 + [100] * 5
    assert chosen.folds.tolist() == [1, 2, 3, 0, 1, 2, 3, 0]
    assert set(chosen.languages) == {"deu_Latn"}


def test_up_to_takes_in_order_up_to_a_limit() -> None:
    taken = up_to(np.array([5, 5, 5, 100, 1, 1]), np.array([0, 0, 0, 1, 1, 2]), most=8)
    assert taken.tolist() == [True, True, False, True, False, True]


def test_order_of_n_grams_follows_the_script() -> None:
    assert [order_of([each]) for each in ("deu_Latn", "kor_Hang", "zho_Hans", "jpn_Jpan", "tha_Thai")] == [
        2,
        2,
        4,
        4,
        4,
    ]
