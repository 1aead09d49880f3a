import json

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from gristmill.trainer.islands.codec import BLOCK, DamagedError, decode, encode, pack, unpack


@given(seed=st.integers(0, 1000), size=st.integers(1, 300), power=st.integers(-6, 6))
@settings(max_examples=60, deadline=None)
def test_int4_is_off_by_half_a_scale_at_most(seed: int, size: int, power: int) -> None:
    x_N = torch.randn(size, generator=torch.Generator().manual_seed(seed)) * 10.0**power
    parts = encode(x_N, "int4")
    scales_N = parts["scales"].float().repeat_interleave(BLOCK)[:size]
    assert bool(((decode(parts, size) - x_N).abs() <= scales_N * 0.5001).all())
    largest_B = torch.nn.functional.pad(x_N, (0, -size % BLOCK)).view(-1, BLOCK).abs().amax(1)
    torch.testing.assert_close(parts["scales"].float(), largest_B / 7, rtol=1 / 256, atol=0)


@given(seed=st.integers(0, 1000), size=st.integers(1, 300))
@settings(max_examples=30, deadline=None)
def test_bf16_is_off_by_a_256th_at_most(seed: int, size: int) -> None:
    x_N = torch.randn(size, generator=torch.Generator().manual_seed(seed))
    assert bool(((decode(encode(x_N, "bf16"), size) - x_N).abs() <= x_N.abs() / 256).all())


def test_whole_numbers_of_scales_come_back_exactly() -> None:
    x_N = torch.arange(-7, 8).float() / 4
    assert decode(encode(x_N, "int4"), 15).tolist() == x_N.tolist()
    assert decode(encode(torch.zeros(3), "int4"), 3).tolist() == [0, 0, 0]


def test_sizes_are_four_and_a_quarter_bits_and_sixteen() -> None:
    parts = encode(torch.ones(640), "int4")
    assert sum(each.nbytes for each in parts.values()) == 640 * 4.25 / 8
    assert encode(torch.ones(640), "bf16")["values"].nbytes == 1280


def test_what_is_no_delta_is_refused() -> None:
    parts = encode(torch.ones(100), "int4")
    with pytest.raises(DamagedError, match="no delta of 200 finite values"):
        decode(parts, 200)
    with pytest.raises(DamagedError, match="finite"):
        decode(parts | {"scales": torch.full((2,), torch.inf, dtype=torch.bfloat16)}, 100)
    with pytest.raises(DamagedError, match="codes"):
        decode({}, 100)


def test_a_file_holds_tensors_and_json_and_no_cut_one_is_read() -> None:
    data = pack({"a": torch.arange(3)}, {"ranges": [1, 2]})
    tensors, about = unpack(data)
    assert (tensors["a"].tolist(), about) == ([0, 1, 2], {"ranges": [1, 2]})
    for end in range(len(data)):
        with pytest.raises(DamagedError):
            unpack(data[:end])
    header = json.dumps({"__metadata__": {"other": "1"}}).encode()
    with pytest.raises(DamagedError, match="about"):
        unpack(len(header).to_bytes(8, "little") + header)
