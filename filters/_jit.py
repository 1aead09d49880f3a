"""`@jit` for every kernel of this folder and those in it, which call each other across files.

Numba renews the machine code of a function when its own file changes, not when a function that it calls in another
file does: a kernel would go on running its callees' old code. So the cache of a kernel is dropped as soon as a file of
any of them, or of the tables whose constants are compiled in, is newer.
"""

from pathlib import Path

from gristmill._jit import jit

__all__ = ["jit"]

_IMPORT = b"gristmill.filters._jit import jit"
_CONSTANTS = ("characters.py", "_jit.py", "scripts.tsv", "sentence_terminals.tsv")


def _drop_stale_machine_code(folder: Path) -> None:
    kernels = [source for source in folder.rglob("*.py") if _IMPORT in source.read_bytes()]
    constants = [source for name in _CONSTANTS for source in folder.rglob(name)]
    sources = [*kernels, *constants, folder.parent / "_jit.py", folder.parent / "schemas" / "measures.py"]
    newest = max((source.stat().st_mtime for source in sources if source.is_file()), default=0.0)
    for index in folder.rglob("__pycache__/*.nbi"):
        try:
            if index.stat().st_mtime < newest:
                index.unlink()
        except OSError:  # another process was first, or the folder is not ours to write: Numba caches elsewhere
            continue


_drop_stale_machine_code(Path(__file__).parent)
