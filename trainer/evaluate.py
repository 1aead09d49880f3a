"""How well a model predicts documents: bits for each byte of their text, which compares tokenizers too.

All of a text is paid for. A document's first token has nothing before it, and no model learns it: it costs as much as
any of the vocabulary, log V. All others are predicted, the end token too, which says where the text ends. Documents
longer than the context are cut, and the first token of a piece is predicted from the last one of the piece before.
"""

import math
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from gristmill.trainer._torch import torch
from gristmill.trainer.attention import Spans
from gristmill.trainer.feed import cut_evenly
from gristmill.trainer.held_out import Encoded
from gristmill.trainer.model import Decoder

IntArray = npt.NDArray[np.int64]
_AT_ONCE = 1 << 14
"""Tokens that go through the model together."""


def evaluate(model: Decoder, documents: Encoded, *, context: int) -> pa.Table:
    """Measure a model on documents, by language and domain.

    Args:
        context: tokens that the model sees at most; those it was trained with.

    Returns:
        language, domain, documents, bytes, tokens, nats, bits_per_byte. `summed` makes others of it.

    Raises:
        ValueError: the model has another vocabulary.
    """
    return summed(losses(model, documents, context=context), by=("language", "domain"))


@torch.inference_mode()
def losses(model: Decoder, documents: Encoded, *, context: int) -> pa.Table:
    """The same, document by document: doc_id, language, domain, bytes, tokens, nats. Time: a forward pass of them."""
    if model.config.vocabulary_size != documents.vocabulary_size:
        raise ValueError(
            f"the model has a vocabulary of {model.config.vocabulary_size}, the documents were encoded with one of"
            f" {documents.vocabulary_size}; encode them with the model's own tokenizer"
        )
    lengths = documents.about["tokens"].to_numpy()
    nats = np.full(len(lengths), math.log(documents.vocabulary_size))
    device = model.embedding_VD.device
    for batch in _batches(lengths - 1, context=context):
        within = np.arange(batch.lengths.sum()) - np.repeat(np.cumsum(batch.lengths) - batch.lengths, batch.lengths)
        place = np.repeat(batch.starts, batch.lengths) + within
        tokens_T, positions_T, targets_T = (
            torch.from_numpy(each).to(device) for each in (documents.ids[place], within, documents.ids[place + 1])
        )
        hidden = model(tokens_T, positions_T, Spans.of(batch.lengths).to(device))
        loss_T = model.losses(hidden.x_TD, targets_T)[0].double().cpu().numpy()
        nats += np.bincount(np.repeat(batch.documents, batch.lengths), loss_T, minlength=len(nats))
    return documents.about.append_column("nats", pa.array(nats))


def summed(table: pa.Table, *, by: tuple[str, ...] = ()) -> pa.Table:
    """Sums of a table of losses or of sums, for each value of some columns; without any, of all of it."""
    if "documents" not in table.column_names:
        table = table.append_column("documents", pa.array(np.ones(len(table), np.int64)))
    sums = ("documents", "bytes", "tokens", "nats")
    found = table.group_by(list(by), use_threads=False).aggregate([(each, "sum") for each in sums])
    found = found.rename_columns([each.removesuffix("_sum") for each in found.column_names]).select([*by, *sums])
    bits = pc.divide(pc.divide(found["nats"], math.log(2)), found["bytes"])
    return found.append_column("bits_per_byte", bits).sort_by([(each, "ascending") for each in (*by, "documents")])


class _Pieces(NamedTuple):
    """Pieces of documents: of which, where in the ids each begins, and how many tokens are read of it."""

    documents: IntArray
    starts: IntArray
    lengths: IntArray


def _batches(lengths: IntArray, *, context: int) -> Iterator[_Pieces]:
    """Pieces of about one length together; the ids have one token more of each document, which is only predicted."""
    pieces = cut_evenly(lengths, context)
    owners = np.repeat(np.arange(len(lengths)), -(-lengths // context))
    starts = np.cumsum(pieces) - pieces + owners
    order = np.argsort(pieces, kind="stable")
    batches = (np.cumsum(pieces[order]) - 1) // _AT_ONCE
    for rows in np.split(order, np.flatnonzero(np.diff(batches)) + 1):
        yield _Pieces(owners[rows], starts[rows], pieces[rows])
