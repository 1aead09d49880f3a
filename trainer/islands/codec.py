"""Parameter deltas as few bytes, and the files they travel in.

int4 is a number from -7 to 7 for each value and a bfloat16 scale for each 64 of them, 4.25 bits a value. int2 is one of
-1.5, -.5, .5 and 1.5 times the root mean square of its 64, near to the best four levels for a normal distribution, 2.25
bits a value. It loses a third of a delta, but only for a while: what was lost goes along with the next one, and then so
few bits are enough (arXiv:2505.23725).
"""

import json
from collections.abc import Mapping
from typing import Any, Literal

from safetensors import SafetensorError
from safetensors.torch import load, save

from gristmill.trainer._torch import torch

Tensor = torch.Tensor
Codec = Literal["int2", "int4", "bf16"]

BLOCK = 64
_MOST = 7
_TINY = 1e-38


class DamagedError(ValueError):
    """A file of the shared directory is not what islands write."""


def encode(x_N: Tensor, codec: Codec) -> dict[str, Tensor]:
    """Finite float32 values as tensors to store. An int4 value is off by at most half its block's scale, which is a
    seventh of the largest of the block; a bfloat16 by a 256th of itself. What int2 leaves of a block is shorter than
    the block, and no single value of it is promised more."""
    if codec == "bf16":
        return {"values": x_N.to(torch.bfloat16)}
    x_BK = torch.nn.functional.pad(x_N, (0, -len(x_N) % BLOCK)).view(-1, BLOCK)
    if codec == "int2":
        scales_B = x_BK.square().mean(1).sqrt().to(torch.bfloat16)
        codes_BK = (x_BK / scales_B.float().clamp(min=_TINY)[:, None]).floor().clamp(-2, 1) + 2
        first, second, third, last = codes_BK.to(torch.uint8).view(-1, 4).unbind(1)
        return {"quarters": first | second << 2 | third << 4 | last << 6, "scales": scales_B}
    scales_B = (x_BK.abs().amax(1) / _MOST).to(torch.bfloat16)
    codes_BK = (x_BK / scales_B.float().clamp(min=_TINY)[:, None]).round().clamp(-_MOST, _MOST) + 8
    low, high = codes_BK.to(torch.uint8).view(-1, 2).unbind(1)
    return {"codes": low | high << 4, "scales": scales_B}


def decode(parts: Mapping[str, Tensor], size: int) -> Tensor:
    """The float32 values (N) that `encode` stored.

    Raises:
        DamagedError: the tensors are not those of so many finite values.
    """
    try:
        if "values" in parts:
            x_N = parts["values"].float()
        else:
            name, bits, middle = ("quarters", 2, 1.5) if "quarters" in parts else ("codes", 4, 8)
            codes = [parts[name] >> shift & (1 << bits) - 1 for shift in range(0, 8, bits)]
            codes_BK = torch.stack(codes, dim=1).view(-1, BLOCK)
            x_N = ((codes_BK.float() - middle) * parts["scales"].float()[:, None]).flatten()[:size]
    except (KeyError, RuntimeError) as error:
        raise DamagedError(f"no delta of {size} values ({error})") from error
    if x_N.shape != (size,) or not bool(x_N.isfinite().all()):
        raise DamagedError(f"no delta of {size} finite values")
    return x_N


def pack(tensors: Mapping[str, Tensor], about: Mapping[str, Any]) -> bytes:
    """A safetensors file with JSON in its header."""
    return save({name: each.contiguous() for name, each in tensors.items()}, {"about": json.dumps(about)})


def unpack(data: bytes) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """What `pack` was given; nothing in it is executed.

    Raises:
        DamagedError: the file is none of ours, or not whole.
    """
    try:
        header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
        return load(data), json.loads(header["__metadata__"]["about"])
    except (SafetensorError, KeyError, TypeError, ValueError) as error:
        raise DamagedError(f"no file of islands, or damaged ({error})") from error
