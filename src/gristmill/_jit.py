"""The compiler, with types: `@jit` for kernels. Imports nothing of Gristmill, so that every folder may use it.

Numba caches machine code beside the source, and renews it when the file of a function changes, not when another does
whose functions or constants are compiled in. Kernels for which that matters are those of `filters`: see there.
"""

from collections.abc import Callable
from contextlib import suppress
from typing import Any, TypeVar, cast

import numba

Function = TypeVar("Function", bound=Callable[..., Any])


def jit(function: Function) -> Function:
    """Compile a function on first use, without the GIL, as strict IEEE arithmetic: the same result on every machine.

    Division by zero gives infinity or NaN rather than an exception, as in NumPy, so that loops can be vectorised.
    """
    compiled = numba.njit(nogil=True, error_model="numpy")(function)
    with suppress(RuntimeError):  # no folder to keep machine code in: each process compiles anew
        compiled.enable_caching()
    return cast(Function, compiled)
