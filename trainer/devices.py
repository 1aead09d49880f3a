"""Devices: which there are, what each can do, how fast it is. No other module knows a vendor's name.

PyTorch calls every kind by `torch.accelerator`: cuda (NVIDIA, and AMD's ROCm), xpu (Intel), mps (Apple), npu (Ascend,
where `torch_npu` is installed). What a device lacks is done by other means, which are slower and give the same result:
grouped products by a loop over experts, variable-length attention by groups of documents, bfloat16 by float32.
"""

import ctypes
import importlib.util
import time
import warnings
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import cache, lru_cache, wraps

from gristmill.trainer._torch import torch
from gristmill.trainer.config import Dtype

_PLUGINS = ("torch_npu",)
_GROUPED = frozenset({"cuda", "cpu", "xpu"})
_TRIM_THRESHOLD, _MMAP_MAX = -1, -4  # of glibc's mallopt
_MEASURED = 0.2
"""Seconds for which a device's products are timed."""


@dataclass(frozen=True, kw_only=True)
class Device:
    """A device to train on.

    Attributes:
        dtype: what to compute in.
        peak: floating-point operations per second of a large product in that dtype, as measured here.
        memory: bytes of memory of its own; None where it shares the host's.
    """

    place: torch.device
    dtype: torch.dtype
    peak: float
    memory: int | None

    @property
    def name(self) -> str:
        return str(self.place)

    def synchronize(self) -> None:
        """Wait until the device has done what it was told."""
        if self.place.type != "cpu":
            torch.accelerator.synchronize(self.place)


def kinds() -> list[str]:
    """Kinds of devices that can be used here, the best first."""
    _load_plugins()
    found = torch.accelerator.current_accelerator(check_available=True)
    return ([found.type] if found is not None else []) + ["cpu"]


def open_device(name: str | None = None, *, dtype: Dtype | None = None, local_rank: int = 0) -> Device:
    """A device by name, such as `cuda`, `cuda:1` or `cpu`; by default the accelerator of this process's rank.

    Raises:
        ValueError: there is none of that name here.
    """
    here = kinds()
    wanted = name or here[0]
    kind, _, number = wanted.partition(":")
    if kind not in here or (number and not number.isdigit()):
        raise ValueError(f"device {wanted!r} cannot be used here; there are {', '.join(here)}")
    if kind == "cpu":
        _keep_memory()
        device = torch.device("cpu")
    else:
        index = int(number) if number else local_rank % torch.accelerator.device_count()
        if index >= torch.accelerator.device_count():
            raise ValueError(f"device {wanted!r}: there are {torch.accelerator.device_count()} of {kind} here, from 0")
        device = torch.device(kind, index)
        torch.accelerator.set_device_index(index)
    computed = getattr(torch, dtype) if dtype else _best_dtype(device)
    return Device(place=device, dtype=computed, peak=_peak(device, computed), memory=_memory(device))


@lru_cache(maxsize=1)
def _load_plugins() -> None:
    for each in _PLUGINS:
        with suppress(ImportError):
            importlib.import_module(each)


@lru_cache(maxsize=1)
def _keep_memory() -> None:
    """Let the C library (glibc) keep what is freed: every step frees and asks for the same sizes, and fresh pages from
    the kernel cost a seventh of a step."""
    with suppress(OSError, AttributeError):
        libc = ctypes.CDLL(None)
        libc.mallopt(_MMAP_MAX, 0)
        libc.mallopt(_TRIM_THRESHOLD, -1)


def fused(function: Callable[..., torch.Tensor]) -> Callable[..., torch.Tensor]:
    """A function of tensors that is compiled to one kernel where each pass over memory counts: on CUDA. Elsewhere, and
    where there is no compiler, it runs as it is written. The first axis may vary in length; others are compiled for."""

    @wraps(function)
    def run(*tensors: torch.Tensor) -> torch.Tensor:
        if not _has_compiler(tensors[0].device):
            return function(*tensors)
        for each in tensors:
            torch._dynamo.maybe_mark_dynamic(each, 0)
        return _compiled(function)(*tensors)

    return run


@cache
def _compiled(function: Callable[..., torch.Tensor]) -> Callable[..., torch.Tensor]:
    return torch.compile(function)


@cache
def _has_compiler(device: torch.device) -> bool:
    if device.type != "cuda" or importlib.util.find_spec("triton") is None:
        return False
    try:  # the card may be too old, or the compiler lack one for C
        torch.compile(torch.neg)(torch.ones(2, device=device))
    except Exception as error:  # whatever it raises, work goes on without it
        warnings.warn(f"{device}: nothing is compiled, which is slower ({error})", stacklevel=2)
        return False
    return True


def has_varlen_attention(x: torch.Tensor) -> bool:
    """Whether `varlen_attn` serves such a tensor: on CUDA, in half precision."""
    return x.device.type == "cuda" and x.dtype in {torch.bfloat16, torch.float16}


def has_grouped_products(x: torch.Tensor) -> bool:
    """Whether `grouped_mm` serves such a tensor: on CUDA from Ampere on, in bfloat16."""
    if x.device.type == "cuda":
        return x.dtype == torch.bfloat16 and _is_ampere(x.device)
    return x.device.type in _GROUPED


@cache
def _is_ampere(device: torch.device) -> bool:
    return torch.version.hip is not None or torch.cuda.get_device_capability(device) >= (8, 0)


def _best_dtype(device: torch.device) -> torch.dtype:
    """bfloat16 where the device has products of it, else float32. On processors too: some have large products six times
    as fast in bfloat16, but the many small ones of experts are slower there (docs/decisions.md, trainer)."""
    if device.type == "cpu":
        return torch.float32
    if device.type == "cuda":
        return torch.bfloat16 if torch.cuda.is_bf16_supported(including_emulation=False) else torch.float32
    try:
        torch.ones(16, 16, device=device, dtype=torch.bfloat16) @ torch.ones(
            16, 16, device=device, dtype=torch.bfloat16
        )
    except (RuntimeError, TypeError):
        return torch.float32
    return torch.bfloat16


@cache
def _peak(device: torch.device, dtype: torch.dtype) -> float:
    """The fastest of several large products. Takes a third of a second."""
    size = 1024 if device.type == "cpu" else 8192
    a = torch.randn(size, size, device=device, dtype=dtype)  # zeros and ones take less power, and are faster
    best, started = float("inf"), time.perf_counter()
    while time.perf_counter() - started < _MEASURED:
        before = time.perf_counter()
        float((a @ a)[0, 0])
        best = min(best, time.perf_counter() - before)
    return 2 * size**3 / best


def _memory(device: torch.device) -> int | None:
    if device.type in {"cpu", "mps"}:
        return None
    return int(torch.accelerator.get_memory_info(device)[1])
