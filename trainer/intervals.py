"""How sure a difference between two ways of training is, given what few seeds and a sample of documents show.

Two things are drawn by chance: what training runs begin with (S seeds), and which documents are measured on (N). The
difference of a text is the sum of d_SN over documents, as a mean over seeds. Its variance is that between seeds, of
the S sums, by S, and that between documents, of the N means over seeds. What a seed and a document have together counts
in both, so that the interval is rather too wide. Student's t has the degrees of freedom of Welch and Satterthwaite
(Biometrics Bulletin 2, 1946). A bootstrap over three seeds would not know how little three tell (docs/decisions.md).
"""

import math

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
_GRID = 1 << 18


def margin(d_SN: Floats, shares_N: Floats) -> float | None:
    """Half the 95% interval of the sum of differences over documents; None of a single document, which tells nothing
    of others.

    Args:
        shares_N: each document's part of the bytes, by which it would differ if all bytes differed alike.
    """
    seeds, documents = d_SN.shape
    if documents == 1:
        return None
    sums_S, means_N = d_SN.sum(1), d_SN.mean(0)
    rest_N = means_N - shares_N * means_N.sum()
    of_seeds = float(sums_S.var(ddof=1)) / seeds
    of_documents = float(rest_N @ rest_N) * documents / (documents - 1)
    variance = of_seeds + of_documents
    if variance == 0:
        return 0.0
    freedom = variance**2 / (of_seeds**2 / (seeds - 1) + of_documents**2 / (documents - 1))
    return student(freedom) * math.sqrt(variance)


def student(freedom: float) -> float:
    """What Student's t exceeds, up or down, in one case of twenty, to 1e-4 of it.

    It is the root of the degrees of freedom times the tangent of an angle, whose density is a power of its cosine.
    """
    angles = (np.arange(_GRID) + 0.5) * (math.pi / 2 / _GRID)
    below = np.cumsum(np.cos(angles) ** (freedom - 1))
    return float(freedom**0.5 * np.tan(angles[np.searchsorted(below, 0.95 * below[-1])]))
