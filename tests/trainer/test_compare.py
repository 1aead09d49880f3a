import random
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from held_out_files import write
from shard_files import build

torch = pytest.importorskip("torch")

from gristmill.trainer import checkpoint  # noqa: E402
from gristmill.trainer.compare import Comparison, Difference, Plan, compare  # noqa: E402
from gristmill.trainer.config import TrainConfig  # noqa: E402

NOUNS = ["bank", "factory", "river", "teacher", "garden", "doctor", "market", "window", "letter", "engine"]
VERBS = ["sees", "builds", "paints", "moves", "opens"]
TRAIN = TrainConfig(steps=25, batch_sequences=4, dtype="float32")


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


def _texts(count: int, *, seed: int) -> Iterator[str]:
    """Sentences in which the verb follows from the noun before, and the second noun from the verb."""
    maker = random.Random(seed)
    for _ in range(count):
        firsts = [maker.randrange(10) for _ in range(12)]
        yield " ".join(f"the {NOUNS[n]} {VERBS[n % 5]} a {NOUNS[9 - n]} ." for n in firsts)


def _shuffled(text: str) -> str:
    words = text.split()
    random.Random(0).shuffle(words)
    return " ".join(words)


@pytest.fixture(scope="module")
def outputs(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Two outputs that hold out the same documents; the second one's text lost its order."""
    folder = tmp_path_factory.mktemp("outputs")
    good = list(_texts(120, seed=0))
    held = {language: list(_texts(count, seed=count)) for language, count in (("eng_Latn", 12), ("deu_Latn", 5))}
    texts = {"a": good, "b": [_shuffled(each) for each in good]}
    sections = {"packing": {"sequence_length": 128}}
    a, b = (write(build(folder / name, texts=each, **sections), held) for name, each in texts.items())
    write(a, held | {"fra_Latn": ["seul"]})
    write(b, held | {"fra_Latn": ["seul"]})
    return a, b


@pytest.fixture(scope="module")
def found(outputs: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory) -> tuple[Plan, Comparison]:
    torch.set_num_threads(1)
    plan = Plan(folder=tmp_path_factory.mktemp("runs"), depth=1, train=TRAIN, device="cpu")
    return plan, compare(*outputs, plan=plan)


def test_text_in_its_order_makes_the_better_model(found: tuple[Plan, Comparison]) -> None:
    everything, german, english, french = found[1].differences
    assert [each.language for each in (everything, german, english, french)] == [
        None,
        "deu_Latn",
        "eng_Latn",
        "fra_Latn",
    ]
    assert [each.documents for each in (everything, german, english, french)] == [18, 5, 12, 1]
    assert [each.better for each in (everything, german, english)] == ["a", "a", "a"]
    assert english.b > 1.2 * english.a
    assert english.difference == english.b - english.a
    assert (french.margin, french.better) == (None, None)  # one document tells nothing of others
    assert found[1].left_out == 0


def test_a_finished_comparison_is_only_measured_again(
    outputs: tuple[Path, Path], found: tuple[Plan, Comparison]
) -> None:
    plan, before = found
    files = {path: path.stat().st_mtime_ns for path in plan.folder.rglob("*.safetensors")}
    assert {path.parent.parent.relative_to(plan.folder).as_posix() for path in files} == {
        f"{side}/seed-{seed}" for side in "ab" for seed in range(3)
    }
    said: list[str] = []
    assert compare(*outputs, plan=plan, report=said.append) == before
    assert said == []
    assert {path: path.stat().st_mtime_ns for path in plan.folder.rglob("*.safetensors")} == files


def test_an_output_beside_itself_does_not_differ(outputs: tuple[Path, Path], tmp_path: Path) -> None:
    plan = Plan(folder=tmp_path, depth=1, train=replace(TRAIN, steps=2), seeds=2, most=3, device="cpu")
    found = compare(outputs[0], outputs[0], plan=plan)
    assert {(each.difference, each.better) for each in found.differences} == {(0.0, None)}
    assert [each.documents for each in found.differences] == [7, 3, 3, 1]
    assert found.epochs[0] == found.epochs[1] > 0


def test_runs_of_another_plan_are_not_taken_up(outputs: tuple[Path, Path], found: tuple[Plan, Comparison]) -> None:
    with pytest.raises(checkpoint.CheckpointError, match="holds a run with other settings"):
        compare(*outputs, plan=replace(found[0], train=replace(TRAIN, steps=30)))


def test_runs_on_another_output_are_not_taken_up(outputs: tuple[Path, Path], found: tuple[Plan, Comparison]) -> None:
    with pytest.raises(ValueError, match="shards"):
        compare(*outputs[::-1], plan=found[0])


def test_sequences_have_to_be_of_one_length(outputs: tuple[Path, Path], tmp_path: Path) -> None:
    other = write(build(tmp_path / "other", texts=list(_texts(20, seed=0))), {"fra_Latn": ["seul"]})
    with pytest.raises(ValueError, match=r"packing\.sequence_length: 128 in .*, 64 in .*; they have to be the same"):
        compare(outputs[0], other, plan=Plan(folder=tmp_path, depth=1, train=TRAIN))


def test_one_seed_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"compare\.seeds: 1; what chance does is seen from 2 on"):
        Plan(folder=tmp_path, depth=1, train=TRAIN, seeds=1)


def test_better_is_what_differs_by_more_than_its_margin() -> None:
    even = Difference(language=None, documents=9, bytes=9, a=1.0, b=1.5, difference=0.5, margin=0.5)
    assert even.better is None
    assert replace(even, margin=0.4).better == "a"
    assert replace(even, margin=0.4, b=0.5, difference=-0.5).better == "b"
    assert replace(even, margin=0.4).to_json()["better"] == "a"
