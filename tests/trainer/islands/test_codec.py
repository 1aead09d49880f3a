import json

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from gristmill.trainer.islands.codec import BLOCK, Codec, DamagedError, decode, encode, pack, unpack


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


@given(seed=st.integers(0, 1000), size=st.integers(1, 300), power=st.integers(-6, 6))
@settings(max_examples=60, deadline=None)
def test_int2_leaves_less_than_there_was(seed: int, size: int, power: int) -> None:
    x_N = torch.randn(size, generator=torch.Generator().manual_seed(seed)) ** 3 * 10.0**power
    left_N = x_N - decode(encode(x_N, "int2"), size)
    assert float(left_N.norm()) < float(x_N.norm())


@pytest.mark.parametrize(("codec", "off"), [("int2", 0.36), ("int4", 0.11), ("bf16", 0.002)])
def test_what_is_lost_of_a_normal_distribution(codec: Codec, off: float) -> None:
    x_N = torch.randn(64_000, generator=torch.Generator().manual_seed(0))
    assert float((decode(encode(x_N, codec), len(x_N)) - x_N).square().mean().sqrt()) < off


def test_what_two_bits_lose_arrives_with_the_next() -> None:
    x_N = torch.randn(640, generator=torch.Generator().manual_seed(1))
    told_N = torch.zeros(640)
    for rounds in range(1, 31):
        told_N += decode(encode(rounds * x_N - told_N, "int2"), 640)
    assert float((told_N - 30 * x_N).norm()) < 2 * float(x_N.norm())


def test_whole_numbers_of_scales_come_back_exactly() -> None:
    x_N = torch.arange(-7, 8).float() / 4
    assert decode(encode(x_N, "int4"), 15).tolist() == x_N.tolist()
    assert decode(encode(torch.zeros(3), "int4"), 3).tolist() == [0, 0, 0]
    assert decode(encode(torch.zeros(3), "int2"), 3).tolist() == [0, 0, 0]
    y_N = torch.tensor([1.5, -1.5, 0.5, -0.5, 0.5, -0.5, 0.5]).repeat(32)[: 3 * BLOCK]
    found_N = decode(encode(y_N, "int2"), 3 * BLOCK)
    scales_N = y_N.view(-1, BLOCK).square().mean(1).sqrt().bfloat16().float().repeat_interleave(BLOCK)
    assert (found_N / scales_N).tolist() == [x.item() for x in y_N]


@pytest.mark.parametrize(("codec", "bits"), [("int2", 2.25), ("int4", 4.25), ("bf16", 16)])
def test_sizes(codec: Codec, bits: float) -> None:
    assert sum(each.nbytes for each in encode(torch.ones(640), codec).values()) == 640 * bits / 8


@pytest.mark.parametrize("codec", ["int2", "int4"])
def test_what_is_no_delta_is_refused(codec: Codec) -> None:
    parts = encode(torch.ones(100), codec)
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
