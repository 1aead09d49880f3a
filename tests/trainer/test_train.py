import math
import subprocess
import sys
from pathlib import Path

import pytest
from shard_files import build

torch = pytest.importorskip("torch")

from gristmill.trainer import train as trainer  # noqa: E402
from gristmill.trainer.model import Decoder, ModelConfig  # noqa: E402

SMALL = ModelConfig(vocabulary_size=1, width=32, layers=2, heads=2, experts=4, experts_per_token=2, expert_width=32)
FAST = trainer.TrainConfig(batch_tokens=256, max_length=64)


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("corpus"), documents=100, packing={"sequence_length": 128})


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


def test_loss_falls_and_is_the_same_again(corpus: Path) -> None:
    seen: list[trainer.Step] = []
    done = trainer.train(corpus, steps=25, report=seen.append, config=FAST, model_config=SMALL)
    assert list(done.steps) == seen
    vocabulary = done.model.config.vocabulary_size
    assert done.losses[0] == pytest.approx(math.log(vocabulary), rel=0.1)
    assert done.losses[-1] < 0.6 * done.losses[0]
    assert seen[-1].tokens > seen[0].tokens > 0
    assert "loss" in str(seen[0])
    assert 0 < seen[-1].bits_per_byte < seen[0].bits_per_byte < 8
    again = trainer.train(corpus, steps=4, config=FAST, model_config=SMALL)
    other = trainer.train(corpus, steps=4, config=FAST, model_config=SMALL)
    assert again.losses == other.losses
    other = trainer.train(corpus, steps=4, config=trainer.TrainConfig(batch_tokens=256, seed=1), model_config=SMALL)
    assert again.losses != other.losses


def test_a_saved_model_is_the_same_model(corpus: Path, tmp_path: Path) -> None:
    done = trainer.run(corpus, steps=1, output=tmp_path / "model.pt")
    loaded = trainer.load(tmp_path / "model.pt")
    assert loaded.config == done.model.config
    assert all(torch.equal(a, b) for a, b in zip(loaded.parameters(), done.model.parameters(), strict=True))


def _decoder() -> Decoder:
    torch.manual_seed(0)
    return Decoder(ModelConfig(vocabulary_size=50, width=16, layers=2, heads=2, experts=3, expert_width=8))


def test_documents_do_not_see_each_other_nor_the_future() -> None:
    model = _decoder()
    tokens = torch.randint(0, 50, (1, 10))
    documents = torch.tensor([[0] * 4 + [1] * 4 + [-1] * 2])
    positions = torch.tensor([[0, 1, 2, 3, 0, 1, 2, 3, 0, 1]])
    before, _ = model(tokens, documents, positions)
    changed = tokens.clone()
    changed[0, 3] = (changed[0, 3] + 1) % 50  # the last token of the first document
    after, _ = model(changed, documents, positions)
    same = torch.isclose(before, after, atol=1e-6).all(-1)[0]
    assert same.tolist() == [True] * 3 + [False] + [True] * 6
    alone, _ = model(tokens[:, 4:8], documents[:, 4:8], positions[:, 4:8])
    assert torch.allclose(alone, before[:, 4:8], atol=1e-5)


def test_first_tokens_and_padding_are_not_learnt() -> None:
    model = _decoder()
    tokens = torch.randint(0, 50, (1, 8))
    documents, positions = torch.tensor([[0, 0, 0, 1, 1, 1, -1, -1]]), torch.tensor([[0, 1, 2, 0, 1, 2, 0, 1]])
    loss, imbalance = model.loss(tokens, documents, positions)
    parts = [model.loss(tokens[:, s], documents[:, s], positions[:, s])[0] for s in (slice(0, 3), slice(3, 6))]
    assert loss.item() == pytest.approx(sum(part.item() for part in parts) / 2, rel=1e-4)
    assert 0.99 <= imbalance.item() <= 3
    nothing, _ = model.loss(tokens, torch.full((1, 8), -1), positions)
    assert nothing.item() == 0


def test_learning_rate_rises_and_falls() -> None:
    rates = [trainer.learning_rate(step, steps=100, peak=1.0, warm_up=10) for step in range(100)]
    assert rates[0] == pytest.approx(0.1)
    assert max(rates) == rates[9] == 1.0
    assert rates[10:] == sorted(rates[10:], reverse=True)
    assert rates[-1] == pytest.approx(0.1, abs=0.01)
    assert trainer.learning_rate(0, steps=1, peak=1.0, warm_up=10) == 1.0


def test_a_missing_torch_is_explained() -> None:
    code = "import sys; sys.modules['torch'] = None; import gristmill.trainer; import gristmill.trainer.train"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "pip install 'gristmill[train]'" in done.stderr


def test_reading_shards_imports_neither_torch_nor_beam() -> None:
    code = "import sys, gristmill.trainer; assert not {'torch', 'apache_beam', 'numba', 'pydantic'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
