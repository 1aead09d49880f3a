"""The tokenizer: a sample of the curated text, training, encoding, and a report per language."""

from gristmill.tokenizer.encode import Encoder
from gristmill.tokenizer.evaluate import Tally, tally
from gristmill.tokenizer.sample import (
    PIECE_BYTES,
    choose_pieces,
    quotas,
    sampling_fraction,
    shares,
    until_quota,
)
from gristmill.tokenizer.train import SPECIAL_PIECES, Trained, train

__all__ = [
    "PIECE_BYTES",
    "SPECIAL_PIECES",
    "Encoder",
    "Tally",
    "Trained",
    "choose_pieces",
    "quotas",
    "sampling_fraction",
    "shares",
    "tally",
    "train",
    "until_quota",
]
