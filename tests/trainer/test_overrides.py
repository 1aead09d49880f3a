import re

import pytest

torch = pytest.importorskip("torch")

from gristmill.trainer.config import ModelConfig, TrainConfig  # noqa: E402
from gristmill.trainer.islands.plan import Exchange  # noqa: E402
from gristmill.trainer.overrides import parsed  # noqa: E402

KINDS = ModelConfig, TrainConfig, Exchange


def test_sizes_and_settings_are_told_apart_and_typed() -> None:
    given = ["width=512", "tied=false", "peak=1", "context=null", "dtype=bfloat16", "steps=3", "rope_base=5e5"]
    given += ["codec=int4", "round_seconds=60"]
    sizes, settings, exchange = parsed(given, KINDS)
    assert sizes == {"width": 512, "tied": False, "rope_base": 500_000.0}
    assert settings == {"peak": 1.0, "context": None, "dtype": "bfloat16", "steps": 3}
    assert type(settings["peak"]) is float
    assert exchange == {"codec": "int4", "round_seconds": 60}


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("widht=3", "'widht' is no setting; did you mean 'width'?"),
        ("width", "width: '' is no whole number"),
        ("width=3.5", "width: '3.5' is no whole number"),
        ("round_seconds=fast", "round_seconds: 'fast' is no number"),
        ("round_seconds=true", "round_seconds: 'true' is no number"),
        ("grace=NaN", "grace: 'NaN' is no number"),
        ("patience=Infinity", "patience: 'Infinity' is no number"),
        ("quorum=half", "quorum: 'half' is no number"),
        ("tied=1", "tied: '1' is no true or false"),
        ("peak=fast", "peak: 'fast' is no number"),
    ],
)
def test_others_are_refused(given: str, message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        parsed([given], KINDS)


def test_what_is_set_of_another_kind_is_no_setting() -> None:
    with pytest.raises(ValueError, match="'codec' is no setting"):
        parsed(["codec=int4"], KINDS[:2])
