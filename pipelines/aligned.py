"""Reading and planning what all measures share: a unit for each piece, and its documents and signals row by row."""

from collections.abc import Iterator, Sequence

import pyarrow as pa

from gristmill.pipelines import tables
from gristmill.pipelines.checkpoints import Store, Unit
from gristmill.pipelines.engine import Work
from gristmill.pipelines.parts import Piece


def work(pieces: Sequence[Piece], *, signals: bool) -> tuple[Work, ...]:
    """One unit for each piece; `signals` says whether its output depends on them."""
    return tuple(_work(piece, signals=signals) for piece in pieces)


def _work(piece: Piece, *, signals: bool) -> Work:
    files = {"documents": piece.documents, **({"signals": piece.signals} if signals else {})}
    return Work(
        descriptor={name: entry.checksum for name, entry in files.items()},
        local={name: entry.path for name, entry in files.items()},
        size=piece.documents.text_bytes,
    )


def rows(
    store: Store, unit: Unit, *, documents: Sequence[str], signals: Sequence[str] = ()
) -> Iterator[pa.RecordBatch]:
    """Batches of the columns asked for, of the documents alone that have signals: those of status ok."""
    columns = list(dict.fromkeys([*documents, "status"]))
    of_documents = tables.only_ok(tables.batches(store, unit.local["documents"], columns=columns))
    if not signals:
        yield from (batch.select(list(documents)) for batch in of_documents)
        return
    of_signals = tables.batches(store, unit.local["signals"], columns=list(signals))
    for document, signal in tables.aligned(of_documents, of_signals):
        arrays = [*(document[name] for name in documents), *(signal[name] for name in signals)]
        yield pa.record_batch(arrays, names=[*documents, *signals])
