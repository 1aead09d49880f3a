"""Text as an array of code points."""

import numpy as np
import numpy.typing as npt

CODE_POINTS = 0x110000
"""So many there are in Unicode."""

SPACE_SYMBOL = 0x2581
"""How SentencePiece writes a space."""


def code_points(text: str) -> npt.NDArray[np.uint32]:
    """The code point of each character, without a copy in Python's objects."""
    return np.frombuffer(text.encode("utf-32-le"), "<u4")
