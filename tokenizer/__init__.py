"""The tokenizer: a sample of the curated text, training, encoding, and a report per language."""

from gristmill.tokenizer.encode import Encoder, is_huggingface, libraries_of
from gristmill.tokenizer.evaluate import costs, parities, tally
from gristmill.tokenizer.export import to_huggingface
from gristmill.tokenizer.train import train

__all__ = [
    "Encoder",
    "costs",
    "is_huggingface",
    "libraries_of",
    "parities",
    "tally",
    "to_huggingface",
    "train",
]
