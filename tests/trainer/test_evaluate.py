import math
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

torch = pytest.importorskip("torch")

from small import decoder  # noqa: E402

from gristmill.trainer.attention import Spans  # noqa: E402
from gristmill.trainer.evaluate import evaluate, losses, summed  # noqa: E402
from gristmill.trainer.held_out import Encoded  # noqa: E402
from gristmill.trainer.model import Decoder  # noqa: E402

LENGTHS = (2, 9, 30, 5, 17)
LANGUAGES = ("deu_Latn", "eng_Latn", "eng_Latn", "eng_Latn", "deu_Latn")


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


def _documents(*, vocabulary_size: int = 50) -> Encoded:
    about = {
        "doc_id": [str(number) for number in range(5)],
        "language": LANGUAGES,
        "domain": ["web", "web", "bank", "web", "web"],
        "bytes": [3 * each for each in LENGTHS],
        "tokens": LENGTHS,
    }
    ids = np.random.default_rng(0).integers(0, 50, sum(LENGTHS))
    return Encoded(about=pa.table(about), ids=ids, vocabulary_size=vocabulary_size)


def _alone(model: Decoder, ids: list[int]) -> float:
    """Nats of all tokens but the first, of a document by itself."""
    tokens = torch.tensor(ids)
    with torch.no_grad():
        hidden = model(tokens[:-1], torch.arange(len(ids) - 1), Spans.of([len(ids) - 1]))
        chances = model.logits(hidden.x_TD).log_softmax(-1)
    return -float(chances[torch.arange(len(ids) - 1), tokens[1:]].double().sum())


def test_a_document_costs_its_first_token_by_chance_and_the_others_as_predicted() -> None:
    model, documents = decoder(), _documents()
    found = losses(model, documents, context=100)["nats"].to_pylist()
    parts = np.split(documents.ids, np.cumsum(LENGTHS)[:-1])
    assert found == pytest.approx([math.log(50) + _alone(model, each.tolist()) for each in parts], rel=1e-6)


def test_of_a_document_longer_than_the_context_every_token_is_predicted() -> None:
    model, documents = decoder(), _documents()
    found = losses(model, documents, context=10)["nats"].to_pylist()
    long = np.split(documents.ids, np.cumsum(LENGTHS)[:-1])[2].tolist()
    # 29 tokens are read in pieces of 10, 10 and 9; each is predicted in the piece of the token before it.
    pieces = [long[0:11], long[10:21], long[20:30]]
    assert found[2] == pytest.approx(math.log(50) + sum(_alone(model, each) for each in pieces), rel=1e-6)
    assert found[1] == losses(model, documents, context=100)["nats"][1].as_py()


@pytest.mark.parametrize("context", [1, 4, 100])
def test_a_model_that_knows_nothing_pays_the_same_for_every_token(context: int) -> None:
    model = decoder()
    with torch.no_grad():
        model.embedding_VD.zero_()
    table = losses(model, _documents(), context=context)
    assert table["nats"].to_pylist() == pytest.approx([each * math.log(50) for each in LENGTHS])
    assert summed(table)["bits_per_byte"].to_pylist() == pytest.approx([math.log2(50) / 3])


def test_sums_are_by_language_and_domain() -> None:
    model, documents = decoder(), _documents()
    alone = losses(model, documents, context=8)
    nats = alone["nats"].to_pylist()
    found = evaluate(model, documents, context=8)
    assert found.column_names == ["language", "domain", "documents", "bytes", "tokens", "nats", "bits_per_byte"]
    assert [tuple(each.values())[:5] for each in found.to_pylist()] == [
        ("deu_Latn", "web", 2, 57, 19),
        ("eng_Latn", "bank", 1, 90, 30),
        ("eng_Latn", "web", 2, 42, 14),
    ]
    assert found["nats"].to_pylist() == pytest.approx([nats[0] + nats[4], nats[2], nats[1] + nats[3]])
    german = summed(found, by=("language",)).to_pylist()[0]
    assert german["bits_per_byte"] == pytest.approx((nats[0] + nats[4]) / math.log(2) / 57)
    assert summed(found).to_pylist() == [
        pytest.approx(
            {
                "documents": 5,
                "bytes": 189,
                "tokens": 63,
                "nats": sum(nats),
                "bits_per_byte": sum(nats) / math.log(2) / 189,
            }
        )
    ]


def test_the_order_of_batches_does_not_matter(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    model, documents = decoder(), _documents()
    at_once = losses(model, documents, context=8)["nats"].to_pylist()
    monkeypatch.setattr("gristmill.trainer.evaluate._AT_ONCE", 8)
    assert losses(model, documents, context=8)["nats"].to_pylist() == pytest.approx(at_once, rel=1e-6)


def test_another_vocabulary_is_refused() -> None:
    with pytest.raises(ValueError, match="a vocabulary of 50, the documents were encoded with one of 60"):
        evaluate(decoder(), _documents(vocabulary_size=60), context=8)
