"""`gristmill train --islands`, as a user starts it."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from click.testing import Result
from learner import PLACES, place_of

from gristmill.trainer.islands import ledger
from gristmill.trainer.islands.shared import Shared
from gristmill.trainer.islands.state import read_plan
from gristmill.trainer.shards import ShardReader

Gristmill = Callable[..., Result]
SIZES = ("--depth", 2, "--steps", 4, "--batch", 2, "--device", "cpu")


@pytest.mark.parametrize("kind", PLACES)
def test_an_island_trains_to_the_end_as_it_was_set(
    gristmill: Gristmill, corpus: Path, tmp_path: Path, kind: str
) -> None:
    torch.set_num_threads(1)
    place = place_of(kind, tmp_path / "shared")
    settings = ("fragments=2", "interval=2", "codec=int4", "round_seconds=0.5")
    given = [word for each in settings for word in ("--set", each)]
    done = gristmill("train", corpus, *SIZES, "--to", tmp_path / "model", "--islands", place, *given, "--json")
    assert done.exit_code == 0, done.output
    assert [json.loads(line)["step"]["number"] for line in done.stdout.splitlines()] == [1, 2, 3, 4]
    plan = read_plan(Shared(place, own="reader"))
    assert (plan.fragments, plan.interval, plan.codec, plan.round_seconds, plan.grace) == (2, 2, "int4", 0.5, 10.0)
    found = ledger.read(place, ShardReader.open(corpus))
    assert (found.balances, found.told) == (True, 1.0)
    assert (tmp_path / "model" / "checkpoints" / "step-000000004.safetensors").is_file()


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (("--set", "interval=2"), (2, "--set interval: only islands have it; give --islands")),
        (("--islands", "ftp://host/run"), (1, "islands: ftp:// cannot promise that one of many creates a name")),
        (("--islands", "shared", "--set", "quorum=2"), (1, "islands.quorum: 2.0 of the islands")),
        (("--islands", "shared", "--set", "quroum=1"), (1, "'quroum' is no setting; did you mean 'quorum'?")),
    ],
)
def test_what_islands_cannot_do_is_said(
    gristmill: Gristmill, corpus: Path, tmp_path: Path, given: tuple[str, ...], expected: tuple[int, str]
) -> None:
    failed = gristmill("train", corpus, *SIZES, "--to", tmp_path / "model", *given)
    assert failed.exit_code == expected[0]
    assert expected[1] in failed.output
    assert not (tmp_path / "model").exists()
