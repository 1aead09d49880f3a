"""The dataset card of a Hugging Face folder: YAML that the library and the Hub read, and a page for people."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from gristmill.trainer.shards import Manifest

_CC = ("by", "by-sa", "by-nc", "by-nd", "by-nc-sa", "by-nc-nd")
_LICENCES = frozenset(
    {"apache-2.0", "mit", "bsd-3-clause", "cc0-1.0", "gfdl", "odc-by", "odbl", "pddl", "unlicense", "unknown"}
    | {f"cc-{kind}-{version}" for kind in _CC for version in ("3.0", "4.0")}
)
"""Identifiers of the Hub that name the licence of SPDX of the same name; all others are `other` there."""

_UNDETERMINED = ("und", "zxx", "mul", "mis")
_SIZES = ("1K", "10K", "100K", "1M", "10M", "100M", "1B", "10B", "100B", "1T")


@dataclass(frozen=True, kw_only=True)
class Amounts:
    """Documents, and bytes of their text."""

    documents: int = 0
    bytes: int = 0

    def __add__(self, other: Self) -> "Amounts":
        return Amounts(documents=self.documents + other.documents, bytes=self.bytes + other.bytes)


def card(manifest: Manifest, *, languages: Mapping[str, Amounts], licences: Mapping[str, int]) -> str:
    """The card of text in these languages, under licences of so many documents, and of the manifest's sequences."""
    text = sum(languages.values(), Amounts())
    sequences, tokens = (manifest.totals[each] for each in ("sequences", "tokens"))
    configs = {"text": text.documents, "tokens": sequences}
    return "\n".join(
        [
            *("---", "language:", *_list({each.partition("_")[0] for each in languages} - set(_UNDETERMINED))),
            *("license:", *_list({_licence(each) for each in licences})),
            *("task_categories:", "- text-generation", "size_categories:", f"- {_size(text.documents)}"),
            *("configs:", *(line for name in configs for line in _config(name))),
            *("dataset_info:", *(line for name, rows in configs.items() for line in _splits(name, rows)), "---"),
            "",
            "# Text and training sequences",
            "",
            f"- `text`: {text.documents:,} documents, {text.bytes:,} bytes of text.",
            f"- `tokens`: {sequences:,} sequences of {manifest.sequence_length:,} tokens, {tokens:,} of them text.",
            "",
            f"Token ids are of a vocabulary of {manifest.vocabulary_size:,}; {manifest.end_id} ends a document,",
            f"{manifest.pad_id} is padding. The tokenizer's file has the XXH3-128 checksum `{manifest.tokenizer}`.",
            "`doc_lens` has the tokens of each piece of a document in a sequence, in order.",
            "",
            "Made with Gristmill.",
            "",
            *("| language | documents | bytes of text |", "|---|---|---|"),
            *(f"| {name} | {each.documents:,} | {each.bytes:,} |" for name, each in sorted(languages.items())),
            "",
            *("| licence | documents |", "|---|---|"),
            *(f"| {_cell(name)} | {documents:,} |" for name, documents in sorted(licences.items())),
            "",
        ]
    )


def _config(name: str) -> list[str]:
    default = ["  default: true"] if name == "text" else []
    files = ["  data_files:", "  - split: train", f"    path: data/{name}/train-*.parquet"]
    return [f"- config_name: {name}", *default, *files]


def _splits(name: str, rows: int) -> list[str]:
    """The rows that there have to be: the library refuses a folder that has lost some."""
    return [f"- config_name: {name}", "  splits:", "  - name: train", f"    num_examples: {rows}"]


def _list(values: set[str]) -> list[str]:
    return [f"- {json.dumps(each)}" for each in sorted(values)]


def _licence(name: str) -> str:
    return name.lower() if name.lower() in _LICENCES else "other"


def _size(rows: int) -> str:
    """The Hub's name for a size: from a thousand on, powers of ten."""
    power = len(str(rows)) - 3
    if power < 1:
        return f"n<{_SIZES[0]}"
    return f"{_SIZES[power - 1]}<n<{_SIZES[power]}" if power < len(_SIZES) else f"n>{_SIZES[-1]}"


def _cell(text: str) -> str:
    return " ".join(text.replace("|", "\\|").split())
