"""Parts: the aligned files of one piece of corpus, and groups of parts of an even size.

`documents`, `signals` and `verdicts` are aligned file by file and row by row: together they are a part. Later stages
work on groups of parts. A group is chosen by the leading bits of the documents file's checksum, so that adding a file
to the corpus leaves the other groups as they were.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from gristmill.pipelines.checkpoints import FileEntry, Receipt
from gristmill.schemas import DOCUMENTS, SIGNALS, VERDICTS

GROUP_BYTES = 128 << 20
"""Arrow bytes of documents per group, about."""


@dataclass(frozen=True, kw_only=True)
class Part:
    """The files of one piece of corpus, aligned row by row; `documents` has further rows, of status not ok."""

    documents: FileEntry
    signals: FileEntry
    verdicts: FileEntry

    @property
    def key(self) -> str:
        return self.documents.checksum

    def checksums(self) -> list[str]:
        return [self.documents.checksum, self.signals.checksum, self.verdicts.checksum]

    def paths(self) -> list[str]:
        return [self.documents.path, self.signals.path, self.verdicts.path]


def parts(*, documents: Sequence[Receipt], signals: Sequence[Receipt], verdicts: Sequence[Receipt]) -> list[Part]:
    """Match the files by what each was made from; in the order of the documents' checksums."""
    by_documents = {each.descriptor["documents"]: each.of(SIGNALS)[0] for each in signals}
    by_signals = {each.descriptor["signals"]: each.of(VERDICTS)[0] for each in verdicts}
    found = {}
    for receipt in documents:
        for entry in receipt.of(DOCUMENTS):
            measured = by_documents[entry.checksum]
            found[entry.checksum] = Part(documents=entry, signals=measured, verdicts=by_signals[measured.checksum])
    return [found[key] for key in sorted(found)]


def group(given: Sequence[Part], *, target_bytes: int = GROUP_BYTES) -> dict[str, list[Part]]:
    """Groups by name, none empty. The number of groups is a power of two: it changes when a corpus doubles."""
    total = sum(part.documents.text_bytes for part in given)
    bits = max(0, (max(total - 1, 0) // target_bytes).bit_length())
    groups: dict[str, list[Part]] = {}
    for part in given:
        number = int(part.key[:8], 16) >> (32 - bits)
        groups.setdefault(f"{number:0{max(1, (bits + 3) // 4)}x}", []).append(part)
    return dict(sorted(groups.items()))
