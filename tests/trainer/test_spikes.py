import json
import math

from gristmill.trainer.spikes import Spikes


def _after(losses: list[float]) -> Spikes:
    spikes = Spikes(limit=6.0)
    for each in losses:
        assert not spikes.is_spike(each, 1.0)
        spikes.passed(each)
    return spikes


def test_a_leap_is_a_spike_and_a_slow_rise_is_none() -> None:
    spikes = _after([4 + 0.1 * (-1) ** n for n in range(20)])
    assert spikes.is_spike(4.7, 1.0)
    assert not spikes.is_spike(4.5, 1.0)
    assert not spikes.is_spike(1.0, 1.0)


def test_a_few_losses_tell_nothing_and_no_number_always_does() -> None:
    assert not _after([4.0] * 15).is_spike(100.0, 1.0)
    assert _after([4.0] * 16).is_spike(100.0, 1.0)
    assert Spikes(limit=6.0).is_spike(math.nan, 1.0)
    assert Spikes(limit=6.0).is_spike(4.0, math.inf)


def test_what_was_skipped_comes_again_in_its_turn() -> None:
    spikes = _after([4.0] * 20)
    spikes.skip([3, 1])
    spikes.skip([5])
    restored = Spikes.from_json(json.loads(json.dumps(spikes.to_json())), limit=6.0)
    assert restored == spikes
    assert [restored.again(), restored.again(), restored.again()] == [[3, 1], [5], None]
