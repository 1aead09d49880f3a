"""Local Beam runners on the pipeline that every phase is: how long until the first unit, how well do two cores share.

Run: python benchmarks/runners.py          (DaskRunner is measured where dask and distributed are installed)
"""

import hashlib
import json
import logging
import os
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

import apache_beam as beam
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.runners.portability.fn_api_runner import FnApiRunner

UNITS = 16
RUNS = 3


def work(seconds: float) -> int:
    """Keep a core busy."""
    ends = time.perf_counter() + seconds
    while time.perf_counter() < ends:
        hashlib.sha256(b"x" * 4096).digest()
    return os.getpid()


def timed(runner: Callable[[], Any], options: list[str], seconds: float) -> float:
    started = time.perf_counter()
    with beam.Pipeline(runner=runner(), options=PipelineOptions(options)) as pipeline:
        units = pipeline | beam.Create([seconds] * UNITS)
        units | beam.Reshuffle() | beam.Map(work)
    return time.perf_counter() - started


def settings() -> dict[str, tuple[Callable[[], Any], list[str]]]:
    """Name -> runner and options."""
    found: dict[str, tuple[Callable[[], Any], list[str]]] = {
        "in_memory": (FnApiRunner, ["--direct_running_mode=in_memory"]),
        "multi_threading_2": (FnApiRunner, ["--direct_running_mode=multi_threading", "--direct_num_workers=2"]),
        "multi_processing_2": (FnApiRunner, ["--direct_running_mode=multi_processing", "--direct_num_workers=2"]),
    }
    try:
        from apache_beam.runners.dask.dask_runner import DaskRunner  # noqa: PLC0415
        from distributed import LocalCluster  # noqa: PLC0415
    except ImportError:
        return found
    cluster = LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None)
    return found | {"dask_2": (DaskRunner, [f"--dask_client_address={cluster.scheduler_address}"])}


def main() -> None:
    logging.disable(logging.WARNING)
    sys.stderr.flush()
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    result = {}
    for name, (runner, options) in settings().items():
        for label, seconds in (("start", 0.0), ("work", 0.5)):
            runs = [timed(runner, options, seconds) for _ in range(RUNS)]
            result[f"{name}_{label}_s"] = round(statistics.median(runs), 2)
            print(f"{name:<20} {label:<6} median {statistics.median(runs):6.2f} s  ({UNITS} units of {seconds} s)")
    print(json.dumps(result))


if __name__ == "__main__":
    main()
