"""The compiler, with types: `@jit` for every kernel of this folder and those in it.

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

_IMPORT = b"gristmill.filters._jit import jit"
_CONSTANTS = ("characters.py", "_jit.py", "scripts.tsv", "sentence_terminals.tsv")


def _drop_stale_machine_code(folder: Path) -> None:
    kernels = [source for source in folder.rglob("*.py") if _IMPORT in source.read_bytes()]
    constants = [source for name in _CONSTANTS for source in folder.rglob(name)]
    sources = [*kernels, *constants, folder.parent / "schemas" / "tables.py"]
    newest = max((source.stat().st_mtime for source in sources if source.is_file()), default=0.0)
    for index in folder.rglob("__pycache__/*.nbi"):
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
