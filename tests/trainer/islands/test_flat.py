import pytest
import torch

from gristmill.trainer.islands.codec import BLOCK
from gristmill.trainer.islands.flat import Flat, fragments


def test_a_part_runs_through_several_tensors() -> None:
    tensors = [torch.arange(6.0).view(2, 3), torch.tensor([6.0]), torch.arange(7.0, 11.0).view(2, 2)]
    flat = Flat(tensors)
    assert flat.read().tolist() == list(range(11))
    assert flat.read(slice(4, 9)).tolist() == [4, 5, 6, 7, 8]
    flat.add(torch.full((5,), 100.0), slice(4, 9))
    assert tensors[0].tolist() == [[0, 1, 2], [3, 104, 105]]
    assert tensors[1].tolist() == [106]
    assert tensors[2].tolist() == [[107, 108], [9, 10]]


def test_what_was_read_does_not_change() -> None:
    tensor = torch.zeros(3)
    before = Flat([tensor]).read()
    tensor += 1
    assert before.tolist() == [0, 0, 0]


@pytest.mark.parametrize(("size", "count"), [(10_000, 4), (129, 2), (50, 3), (64 * 7, 7)])
def test_fragments_differ_by_a_block_and_cover_all(size: int, count: int) -> None:
    parts = fragments(size, count)
    assert [each.start for each in parts[1:]] == [each.stop for each in parts[:-1]]
    assert (parts[0].start, parts[-1].stop, len(parts)) == (0, size, count)
    sizes = [each.stop - each.start for each in parts]
    assert max(sizes) - min(sizes) < 2 * BLOCK
    assert all(each % BLOCK == 0 for each in sizes[:-1] if each < size)
