"""What the ids of a vocabulary spell, for statistics."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt


class Kinds(NamedTuple):
    """For each id:"""

    byte: npt.NDArray[np.bool_]
    """whether it spells a byte, or several that are no text by themselves: a part of a character;"""
    begins_spelt: npt.NDArray[np.bool_]
    """whether a character begins in it that is spelt in several such, or by one byte token;"""
    unknown: npt.NDArray[np.bool_]
    """whether it stands for text that is lost."""
