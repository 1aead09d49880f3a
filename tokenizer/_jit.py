"""The compiler, with types: `@jit` for the kernels of this folder.

A kernel calls kernels of its own file only: Numba renews cached machine code when that file changes, and not when
another does. (`filters` has a compiler of its own, which deals with calls between files; a tokenizer imports schemas
alone.)
"""

from collections.abc import Callable
from contextlib import suppress
from typing import Any, TypeVar, cast

import numba

Function = TypeVar("Function", bound=Callable[..., Any])


def jit(function: Function) -> Function:
    """Compile a function on first use, without the GIL."""
    compiled = numba.njit(nogil=True, error_model="numpy")(function)
    with suppress(RuntimeError):  # no folder to keep machine code in: each process compiles anew
        compiled.enable_caching()
    return cast(Function, compiled)
