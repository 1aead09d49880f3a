"""Pieces and parts: the aligned files of one piece of corpus; and groups of parts of an even size.

`documents`, `signals`, the tables of further measures and `verdicts` are aligned file by file and row by row: together
they are a part, or a piece while there are no verdicts yet. Later stages work on groups of parts. A group is chosen by
the leading bits of the documents file's checksum, so that adding a file to the corpus leaves the other groups as they
were.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

from gristmill.pipelines.checkpoints import FileEntry, Receipt
from gristmill.pipelines.engine import Work
from gristmill.schemas import DOCUMENTS, SIGNALS, VERDICTS, Table

GROUP_BYTES = 128 << 20
"""Arrow bytes of documents per group, about."""


@dataclass(frozen=True, kw_only=True)
class Piece:
    """The files of one piece of corpus, aligned row by row; `documents` has further rows, of status not ok.

    Attributes:
        measures: files of the tables beside the signals, by the table's name.
    """

    documents: FileEntry
    signals: FileEntry
    measures: Mapping[str, FileEntry] = field(default_factory=dict)

    @property
    def key(self) -> str:
        return self.documents.checksum


@dataclass(frozen=True, kw_only=True)
class Part(Piece):
    """A piece with its verdicts."""

    verdicts: FileEntry

    def files(self, names: Collection[str]) -> dict[str, FileEntry]:
        """Its files of some tables, by the table's name; those that it has."""
        own = {DOCUMENTS.name: self.documents, SIGNALS.name: self.signals, VERDICTS.name: self.verdicts}
        return {name: entry for name, entry in {**own, **self.measures}.items() if name in names}

    def checksums(self) -> list[str]:
        return [self.documents.checksum, self.signals.checksum, self.verdicts.checksum]

    def paths(self) -> list[str]:
        return [self.documents.path, self.signals.path, self.verdicts.path]


def pieces(*, documents: Sequence[Receipt], signals: Sequence[Receipt]) -> list[Piece]:
    """Match the files by what each was made from; in the order of the documents' checksums, each once."""
    measured = {each.descriptor["documents"]: each.of(SIGNALS)[0] for each in signals}
    found = {entry.checksum: entry for receipt in documents for entry in receipt.of(DOCUMENTS)}
    return [Piece(documents=found[key], signals=measured[key]) for key in sorted(found)]


def measured(given: Sequence[Piece], *, table: Table, receipts: Sequence[Receipt]) -> list[Piece]:
    """The pieces with one more table each, from receipts whose descriptors name the documents."""
    by_documents = {each.descriptor["documents"]: each.of(table)[0] for each in receipts}
    return [
        replace(piece, measures={**piece.measures, table.name: by_documents[piece.key]}) if by_documents else piece
        for piece in given
    ]


def decided(given: Sequence[Piece], *, verdicts: Sequence[Receipt]) -> list[Part]:
    """The pieces as parts, from receipts whose descriptors name the documents."""
    by_documents = {each.descriptor["documents"]: each.of(VERDICTS)[0] for each in verdicts}
    return [
        Part(
            documents=piece.documents,
            signals=piece.signals,
            measures=piece.measures,
            verdicts=by_documents[piece.key],
        )
        for piece in given
    ]


def group(given: Sequence[Part], *, target_bytes: int = GROUP_BYTES) -> dict[str, list[Part]]:
    """Groups by name, none empty. The number of groups is a power of two: it changes when a corpus doubles."""
    total = sum(part.documents.text_bytes for part in given)
    bits = max(0, (max(total - 1, 0) // target_bytes).bit_length())
    groups: dict[str, list[Part]] = {}
    for part in given:
        number = int(part.key[:8], 16) >> (32 - bits)
        groups.setdefault(f"{number:0{max(1, (bits + 3) // 4)}x}", []).append(part)
    return dict(sorted(groups.items()))


def work_of_group(
    name: str, members: Sequence[Part], *, tables: Collection[str], beside: Mapping[str, FileEntry | None]
) -> Work:
    """A unit for a group of parts.

    Args:
        tables: names of the parts' tables that are read.
        beside: files that the group as a whole has of further tables, by the table's name; None where it has none.
    """
    files = [part.files(tables) for part in members]
    return Work(
        descriptor={
            "parts": [{table: entry.checksum for table, entry in each.items()} for each in files],
            **{table: entry.checksum if entry else None for table, entry in beside.items()},
        },
        local={
            "name": name,
            "parts": [{table: entry.path for table, entry in each.items()} for each in files],
            **{table: entry.path if entry else None for table, entry in beside.items()},
        },
        size=sum(part.documents.text_bytes for part in members),
    )
