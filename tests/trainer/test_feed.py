from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

torch = pytest.importorskip("torch")

from gristmill.trainer.feed import Feed, Micro, read  # noqa: E402
from gristmill.trainer.shards import Batch, ManifestError, ShardReader  # noqa: E402


def _batch(doc_lens: list[list[int]], *, length: int = 12) -> Batch:
    flat = np.array([each for lens in doc_lens for each in lens], np.int32)
    return Batch(
        tokens=np.arange(len(doc_lens) * length, dtype=np.uint16).reshape(-1, length),
        lengths=flat,
        bounds=np.cumsum([0, *map(len, doc_lens)]),
        indices=np.arange(len(doc_lens)),
    )


def test_each_token_predicts_the_next_of_its_document() -> None:
    micro = Micro.of(_batch([[3, 4], [10]]), context=None)
    assert micro.tokens.tolist() == [*range(7), *range(12, 22)]
    assert micro.targets.tolist() == [1, 2, -1, 4, 5, 6, -1, *range(13, 22), -1]
    assert micro.positions.tolist() == [0, 1, 2, 0, 1, 2, 3, *range(10)]
    assert micro.spans.bounds_N1.tolist() == [0, 3, 7, 17]
    assert micro.pieces.tolist() == [0] * 3 + [1] * 4 + [2] * 10
    assert micro.n_targets == 14


def test_documents_longer_than_the_context_are_cut_in_even_pieces() -> None:
    micro = Micro.of(_batch([[10, 2]]), context=4)
    assert micro.spans.bounds_N1.tolist() == [0, 4, 7, 10, 12]
    assert micro.positions.tolist() == [0, 1, 2, 3, 0, 1, 2, 0, 1, 2, 0, 1]
    assert micro.targets.tolist() == [1, 2, 3, -1, 5, 6, -1, 8, 9, -1, 11, -1]
    assert micro.pieces.tolist() == [0] * 10 + [1] * 2


def test_a_sequence_with_nothing_in_it_adds_nothing() -> None:
    micro = Micro.of(_batch([[], [5]]), context=None)
    assert micro.tokens.tolist() == list(range(12, 17))
    empty = Micro.of(_batch([[]]), context=None)
    assert (len(empty.tokens), empty.n_targets) == (0, 0)


@given(st.lists(st.lists(st.integers(1, 6), max_size=2), min_size=1, max_size=4), st.integers(2, 5))
def test_no_token_is_lost_nor_moved(doc_lens: list[list[int]], context: int) -> None:
    batch = _batch(doc_lens)
    micro = Micro.of(batch, context=context)
    assert micro.tokens.tolist() == batch.tokens[batch.documents() >= 0].tolist()
    pieces = np.diff(micro.spans.bounds_N1.numpy())
    assert pieces.sum() == len(micro.tokens)
    assert pieces.max(initial=1) <= context
    assert micro.n_targets == sum(length - -(-length // context) for lens in doc_lens for length in lens)


def test_a_feed_goes_on_where_it_was(corpus: Path) -> None:
    reader = ShardReader.open(corpus)
    whole = Feed.begin(reader, seed=3).take(40).tolist()
    feed = Feed.begin(reader, seed=3)
    first = feed.take(17).tolist()
    assert first + Feed.resume(reader, feed.state).take(23).tolist() == whole
    assert Feed.begin(reader, seed=4).take(40).tolist() != whole
    micro = read(reader, np.array(first[:2]), context=None)
    batch = reader.read(first[:2])
    assert micro.tokens.tolist() == batch.tokens[batch.documents() >= 0].tolist()


def test_a_feed_of_other_shards_is_refused(corpus: Path, another: Path) -> None:
    state = Feed.begin(ShardReader.open(corpus), seed=0).state
    with pytest.raises(ManifestError, match="the state is of shards"):
        Feed.resume(ShardReader.open(another), state)
