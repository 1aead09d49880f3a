"""The compiler, with types: `@jit` for every kernel of this folder.

Machine code is cached beside the source. Numba renews the cache of a function when its own file changes, not when a
function that it calls in another file does: a kernel would go on running its callees' old code. So the cache of a
kernel is dropped as soon as a file of any of them, or of the tables whose constants are compiled in, is newer.
"""

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar, cast

import numba

Function = TypeVar("Function", bound=Callable[..., Any])

_KERNELS = ("segmentation", "signals", "repetition", "shingles", "minhash", "kernel")
_CONSTANTS = ("_jit.py", "characters.py", "data/scripts.tsv", "../schemas/tables.py")


def _drop_stale_machine_code(folder: Path) -> None:
    sources = [folder / name for name in (*(f"{kernel}.py" for kernel in _KERNELS), *_CONSTANTS)]
    newest = max((source.stat().st_mtime for source in sources if source.is_file()), default=0.0)
    for name in _KERNELS:
        for index in (folder / "__pycache__").glob(f"{name}.*.nbi"):
            try:
                if index.stat().st_mtime < newest:
                    index.unlink()
            except OSError:  # another process was first, or the folder is not ours to write: Numba caches elsewhere
                continue


_drop_stale_machine_code(Path(__file__).parent)


def jit(function: Function) -> Function:
    """Compile a function on first use, without the GIL, as strict IEEE arithmetic: the same result on every machine.

    Division by zero gives infinity or NaN rather than an exception, as in NumPy, so that loops can be vectorised.
    """
    compiled = numba.njit(nogil=True, error_model="numpy")(function)
    with suppress(RuntimeError):  # no folder to keep machine code in: each process compiles anew
        compiled.enable_caching()
    return cast(Function, compiled)
