"""A BPE model as SentencePiece would train it, with the pieces that our own kernels learn."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from gristmill.tokenizer.merges import learn
from gristmill.tokenizer.model_file import NORMAL, ModelFile, with_pieces
from gristmill.tokenizer.sentencepiece_trainer import sentencepiece_model
from gristmill.tokenizer.words import Alphabet, distinct_words

_NEXT_TO_NOTHING = "a"


def byte_pair_model(pieces: Sequence[str], *, covered: npt.NDArray[np.int64], vocabulary_size: int) -> bytes:
    """The model file that SentencePiece makes of `with_boundaries(pieces)`, byte for byte, in a quarter of the time.

    SentencePiece writes the file, of next to no text, and so its settings. Then come the pieces, as they were learnt,
    and last the characters, from the commonest. Of more than 33 million characters SentencePiece leaves out the rarest,
    less than one in 33 million, since it rounds their share up to all; here they stay.

    Args:
        covered: code points of the characters that get a token.

    Raises:
        ValueError: the vocabulary does not hold all characters.
        RuntimeError: nor special tokens.
    """
    longest = max(map(len, pieces))
    model = sentencepiece_model([_NEXT_TO_NOTHING], kind="bpe", vocabulary_size=vocabulary_size, longest=longest)
    file = ModelFile.parse(model)
    symbols = [piece for piece, kind in zip(file.pieces, file.types.tolist(), strict=True) if kind != NORMAL]
    alphabet = Alphabet.of(covered)
    words = distinct_words(pieces, alphabet=alphabet, symbols=symbols)
    counts = words.occurrences[1:]
    order = np.argsort(-counts, kind="stable")[: np.count_nonzero(counts)]
    room = vocabulary_size - len(symbols) - len(order)
    if room < 0:
        raise ValueError(f"{vocabulary_size:,} tokens are too few for {len(order):,} characters")
    characters = map(chr, alphabet.points[order].tolist())
    return with_pieces(model, [*learn(words, alphabet=alphabet, most=room), *characters])
