"""The tokenizer: a sample of the curated text, training, encoding, and a report per language."""

from gristmill.tokenizer.encode import Encoder, Tokens, is_huggingface, libraries_of
from gristmill.tokenizer.evaluate import Tally, costs, parallel_costs, parities, tally
from gristmill.tokenizer.export import to_huggingface
from gristmill.tokenizer.train import SPECIAL_PIECES, Trained, train

__all__ = [
    "SPECIAL_PIECES",
    "Encoder",
    "Tally",
    "Tokens",
    "Trained",
    "costs",
    "is_huggingface",
    "libraries_of",
    "parallel_costs",
    "parities",
    "tally",
    "to_huggingface",
    "train",
]
