"""The lock of an output folder: one run, or one removal, at a time."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from gristmill.pipelines.checkpoints import Store
from gristmill.pipelines.engine import RunError
from gristmill.schemas.recipe import is_remote


@contextmanager
def locked(store: Store) -> Iterator[None]:
    """Hold the output against a second run. The lock goes with the process, however it ends.

    Raises:
        RunError: another run holds it, or nothing can be written there.
    """
    if is_remote(store.root):
        yield
        return
    try:
        Path(store.root).mkdir(parents=True, exist_ok=True)
        lock = FileLock(store.path(".lock"), timeout=0)
        lock.acquire()
    except Timeout:
        message = f"{store.root}: another run is at work in this output; wait for it, or use another --output"
        raise RunError(message) from None
    except OSError as error:
        raise RunError(f"{store.root}: cannot write here: {error.strerror or error}") from error
    try:
        yield
    finally:
        lock.release()
