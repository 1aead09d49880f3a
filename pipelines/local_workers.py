"""Local worker processes, for Beam's FnApiRunner or for a single unit, forked from one that has everything imported.

The runner's own way to use several processes starts a fresh interpreter for each worker of each pipeline: some 2 to
5 s, and a run has a dozen pipelines. Here a fork server imports Beam and our stages once, in a process that has no
threads yet; a worker is a fork of it, ready in some 50 ms (docs/decisions.md, runners).
"""

import io
import multiprocessing
import os
import sys
import threading
from contextlib import suppress
from multiprocessing.connection import Connection, wait
from multiprocessing.context import ForkServerContext, ForkServerProcess
from typing import Any, TextIO

from apache_beam.portability.api import beam_fn_api_pb2
from apache_beam.runners.portability.fn_api_runner.worker_handlers import GrpcWorkerHandler, WorkerHandler
from apache_beam.transforms.environments import Environment, python_sdk_capabilities

from gristmill.pipelines.checkpoints import Unit
from gristmill.pipelines.engine import Task
from gristmill.pipelines.runners import UnitError, attempt

URN = "gristmill:env:forked:v1"
_PRELOADED = "gristmill.pipelines.preload"
_DIED = "a worker process died; was there enough memory? Fewer --workers need less"
_PATIENCE = 10.0
_MOMENT = 0.2


def do_apart(task: Task, unit: Unit) -> None:
    """Do a unit in a process of its own, so that what it takes does not stay with this one.

    Raises:
        UnitError: it could not be done, or the process died.
    """
    ours, theirs = _forking().Pipe(duplex=False)
    process = _forking().Process(target=_do_and_tell, args=(task, unit, theirs), daemon=True)
    process.start()
    theirs.close()
    try:
        failure = ours.recv()
    except EOFError:
        failure = _DIED
    finally:
        process.kill()  # once it has told how it went, it has nothing left to do
        process.join()
    if failure:
        raise UnitError(failure)


def _do_and_tell(task: Task, unit: Unit, listener: Connection) -> None:
    _begin()
    try:
        attempt(task, unit)
    except UnitError as error:
        listener.send(str(error))
    else:
        listener.send("")


def serve(control_address: str, worker_id: str) -> None:
    """Be a Beam worker until the runner hangs up, or its process is gone."""
    from apache_beam.runners.worker.sdk_worker import SdkHarness  # noqa: PLC0415

    _begin()
    SdkHarness(control_address, worker_id=worker_id).run()


def _forking() -> ForkServerContext:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([_PRELOADED])
    return context


def _begin() -> None:
    """What a worker does first."""
    threading.Thread(target=_end_with_parent, daemon=True).start()
    sys.stderr = _Patient(sys.stderr)


class _Patient(io.TextIOBase):
    """A stream that lets go what it cannot write: a worker prints an error, to a full disk perhaps, before it tells it.

    One that failed to print would fail to tell, and the runner would wait for ever.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        with suppress(OSError):
            self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        with suppress(OSError):
            self._stream.flush()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None, "a worker is the child of a run"
    parent.join()
    os._exit(1)


@Environment.register_urn(URN, bytes)
class ForkedEnvironment(Environment):  # type: ignore[misc]  # Beam is untyped
    """Says that a pipeline's functions are to run in forked workers."""

    @classmethod
    def default(cls) -> "ForkedEnvironment":
        return cls(capabilities=python_sdk_capabilities(), artifacts=())

    def to_runner_api_parameter(self, _context: Any) -> tuple[str, bytes]:
        return URN, b""

    @staticmethod
    def from_runner_api_parameter(
        _payload: bytes, capabilities: Any, artifacts: Any, resource_hints: Any, _context: Any
    ) -> "ForkedEnvironment":
        return ForkedEnvironment(capabilities=capabilities, artifacts=artifacts, resource_hints=resource_hints)


@WorkerHandler.register_environment(URN, bytes)
class ForkedWorkerHandler(GrpcWorkerHandler):  # type: ignore[misc]  # Beam is untyped
    """Starts and stops one worker for the runner."""

    def __init__(self, _payload: bytes, state: Any, provision_info: Any, grpc_server: Any) -> None:
        super().__init__(state, provision_info, grpc_server)
        self._process: ForkServerProcess | None = None
        self._stopping = threading.Event()

    def start_worker(self) -> None:
        self._process = _forking().Process(target=serve, args=(self.control_address, self.worker_id), daemon=True)
        self._process.start()
        threading.Thread(target=self._watch, args=(self._process,), daemon=True).start()

    def _watch(self, process: ForkServerProcess) -> None:
        """Fail what the runner asks of a worker that died; it would wait for the answers for ever."""
        wait([process.sentinel])
        error = f"{UnitError.__name__}: {_DIED}"
        while not self._stopping.wait(_MOMENT):
            for number, future in list(self.control_conn._futures_by_id.items()):
                if not future.is_done():
                    future.set(beam_fn_api_pb2.InstructionResponse(instruction_id=number, error=error))

    def stop_worker(self) -> None:
        assert self._process is not None, "a worker is stopped after it was started"
        self._stopping.set()
        self._process.join(_PATIENCE)
        if self._process.is_alive():
            self._process.kill()
            self._process.join()
