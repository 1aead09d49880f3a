import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

torch = pytest.importorskip("torch")

from gristmill.trainer.attention import Spans, attend  # noqa: E402


def _oracle(q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, lengths: list[int]) -> torch.Tensor:
    """Document by document, head by head, by the formula."""
    heads, groups = q.shape[1], k.shape[1]
    out = torch.empty_like(q)
    start = 0
    for length in lengths:
        here = slice(start, start + length)
        for head in range(heads):
            shared = head // (heads // groups)
            scores = q[here, head] @ k[here, shared].T / q.shape[-1] ** 0.5
            scores = scores.masked_fill(torch.ones(length, length).triu(1).bool(), -torch.inf)
            out[here, head] = scores.softmax(-1) @ v[here, shared]
        start += length
    return out


@settings(deadline=None)
@given(st.lists(st.integers(1, 40), min_size=1, max_size=8), st.sampled_from([(2, 1), (4, 2), (3, 3)]))
def test_equals_attention_document_by_document(lengths: list[int], heads: tuple[int, int]) -> None:
    generator = torch.Generator().manual_seed(len(lengths))
    q = torch.randn(sum(lengths), heads[0], 8, generator=generator)
    k, v = (torch.randn(sum(lengths), heads[1], 8, generator=generator) for _ in range(2))
    torch.testing.assert_close(attend(q, k, v, Spans.of(lengths)), _oracle(q, k, v, lengths), atol=1e-5, rtol=1e-4)


def test_similar_lengths_go_together_and_little_is_padded() -> None:
    lengths = [100, 98, 3, 95, 1, 1]
    spans = Spans.of(lengths)
    assert [tuple(each.shape) for each in spans.places] == [(2, 1), (1, 3), (3, 100)]
    assert spans.bounds_N1.tolist() == [0, 100, 198, 201, 296, 297, 298]
    assert spans.longest == 100
    assert torch.cat([each.flatten() for each in spans.places])[spans.back_T].tolist() == list(range(298))
