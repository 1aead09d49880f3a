import pytest

torch = pytest.importorskip("torch")

from small import decoder  # noqa: E402

from gristmill.trainer.attention import Spans  # noqa: E402
from gristmill.trainer.generate import Sampling, generate  # noqa: E402
from gristmill.trainer.model import Decoder  # noqa: E402

GREEDY = Sampling(temperature=0)


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


def _best(model: Decoder, tokens: list[int]) -> int:
    with torch.no_grad():
        hidden = model(torch.tensor(tokens), torch.arange(len(tokens)), Spans.of([len(tokens)]))
        return int(model.logits(hidden.x_TD[-1:]).argmax())


def test_at_temperature_zero_each_token_is_the_most_likely_after_those_before() -> None:
    model, text = decoder(), [3, 14]
    found, other = generate(model, [text, [7]], end_id=-1, context=100, most=8, sampling=GREEDY)
    for token in found:
        assert token == _best(model, text)
        text = [*text, token]
    assert (len(found), len(other)) == (8, 8)
    assert generate(model, [[7]], end_id=-1, context=100, most=8, sampling=GREEDY) == [other]


def test_beyond_the_context_the_last_tokens_are_seen() -> None:
    model = decoder()
    found = generate(model, [[1, 2, 3, 4, 5]], end_id=-1, context=3, most=1, sampling=GREEDY)
    assert found == [[_best(model, [3, 4, 5])]]


def test_the_end_token_ends_a_text_and_is_no_part_of_it() -> None:
    model = decoder()
    whole, other = generate(model, [[3], [7]], end_id=-1, context=100, most=8, sampling=GREEDY)
    end = whole[4]
    cut = [each[: each.index(end)] if end in each else each for each in (whole, other)]
    assert generate(model, [[3], [7]], end_id=end, context=100, most=8, sampling=GREEDY) == cut
    assert len(cut[0]) <= 4


def test_a_seed_gives_the_same_text_whatever_others_there_are() -> None:
    model = decoder()
    one, two = (
        generate(model, [[3]] * count, end_id=-1, context=100, most=20, sampling=Sampling(seed=5)) for count in (1, 2)
    )
    assert two[0] == one[0] != two[1]
    assert generate(model, [[3]], end_id=-1, context=100, most=20, sampling=Sampling(seed=6))[0] == two[1]


def _counts(sampling: Sampling) -> list[int]:
    maker = torch.Generator().manual_seed(0)
    logits = torch.tensor([0.1, 0.2, 0.5, 0.2]).log()
    drawn = [sampling.draw(logits, maker) for _ in range(4000)]
    return [drawn.count(each) for each in range(4)]


@pytest.mark.parametrize(
    ("sampling", "expected"),
    [
        (Sampling(temperature=1, top_p=1), [0.1, 0.2, 0.5, 0.2]),
        (Sampling(temperature=0.5, top_p=1), [1 / 34, 4 / 34, 25 / 34, 4 / 34]),
        (Sampling(temperature=1, top_p=1, top_k=2), [0, 2 / 7, 5 / 7, 0]),
        (Sampling(temperature=1, top_p=0.6), [0, 2 / 7, 5 / 7, 0]),
        (Sampling(temperature=1, top_p=0.5), [0, 0, 1, 0]),
        (Sampling(temperature=1, top_p=1e-9), [0, 0, 1, 0]),
    ],
)
def test_tokens_are_drawn_as_often_as_their_chances_say(sampling: Sampling, expected: list[float]) -> None:
    found = [each / 4000 for each in _counts(sampling)]
    assert found == pytest.approx(expected, abs=0.03)
    assert [each == 0 for each in found] == [each == 0 for each in expected]


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        ({"temperature": -1}, r"sampling\.temperature: -1; 0 and more"),
        ({"temperature": float("nan")}, r"sampling\.temperature: nan"),
        ({"top_k": 0}, r"sampling\.top_k: 0 tokens; the smallest is 1"),
        ({"top_p": 0}, r"sampling\.top_p: 0; above 0, to 1"),
    ],
)
def test_settings_without_meaning_are_refused(settings: dict[str, float], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        Sampling(**settings)  # type: ignore[arg-type]


def test_an_empty_prompt_is_refused() -> None:
    with pytest.raises(ValueError, match="the prompt is empty"):
        generate(decoder(), [[1], []], end_id=-1, context=100, most=1, sampling=GREEDY)
