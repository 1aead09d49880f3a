import re
from dataclasses import fields
from itertools import combinations
from typing import Any

import pytest

from gristmill.trainer.config import ModelConfig, TrainConfig
from gristmill.trainer.islands.plan import Exchange, Plan


def plan(**settings: Any) -> Plan:
    return Plan(model={}, train={"steps": 10, "batch_sequences": 4}, manifest="", **settings)


def test_ranges_are_places_of_the_order_and_the_last_may_be_shorter() -> None:
    found = plan(interval=3)
    assert [found.places(number) for number in range(found.ranges)] == [
        range(12),
        range(12, 24),
        range(24, 36),
        range(36, 40),
    ]


def test_in_the_order_of_fragments_who_is_in_time_for_every_second_round_has_them_all() -> None:
    found = plan(fragments=4)
    turns = [found.turn(each) for each in range(40)]
    assert turns[:4] == [0, 1, 2, 3]
    assert set(turns[::2]) == {0, 1, 2, 3}


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"fragments": 0}, "islands.fragments: 0 is not positive; the smallest is 1"),
        ({"interval": -1}, "islands.interval: -1 is not positive"),
        ({"snapshot_every": 0}, "islands.snapshot_every: 0 is not positive"),
        ({"grace": -1.0}, "islands.grace: -1.0 seconds; the least is 0"),
        ({"round_seconds": -0.5}, "islands.round_seconds: -0.5 seconds"),
        ({"patience": 0.0}, "islands.patience: 0.0 is not positive"),
        ({"outer_rate": 0.0}, "islands.outer_rate: 0.0 is not positive"),
        ({"quorum": 0.0}, "islands.quorum: 0.0 of the islands; a share above 0, and 1 at most"),
        ({"quorum": 1.5}, "islands.quorum: 1.5 of the islands"),
        ({"outer_momentum": 1.0}, "islands.outer_momentum: 1.0; 0 or more, and below 1"),
        ({"codec": "int3"}, "islands.codec: there is no 'int3'; there are int2, int4, bf16"),
    ],
)
def test_settings_without_meaning_are_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        Exchange(**settings)


def test_kinds_of_settings_have_no_names_in_common() -> None:
    """So that --set needs no more than a name."""
    names = [{each.name for each in fields(kind)} for kind in (ModelConfig, TrainConfig, Exchange)]
    assert all(one.isdisjoint(other) for one, other in combinations(names, 2))
