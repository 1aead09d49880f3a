import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

from small import CPU, decoder, row  # noqa: E402

from gristmill.trainer import held_out  # noqa: E402
from gristmill.trainer import train as training  # noqa: E402
from gristmill.trainer.attention import Spans  # noqa: E402
from gristmill.trainer.config import ModelConfig, TrainConfig  # noqa: E402
from gristmill.trainer.huggingface import export  # noqa: E402
from gristmill.trainer.model import Decoder  # noqa: E402
from gristmill.trainer.shards import ShardReader  # noqa: E402
from gristmill.trainer.trained import Trained  # noqa: E402

IDS: dict[str, Any] = {"tokenizer": "", "end_id": 1, "pad_id": 2}


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture(scope="module")
def trained(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Trained:
    folder = tmp_path_factory.mktemp("model")
    vocabulary = ShardReader.open(corpus).manifest.vocabulary_size
    sizes = ModelConfig.of_depth(3, vocabulary_size=vocabulary, width=32, heads=4, experts=8, experts_per_token=2)
    settings = TrainConfig(steps=8, batch_sequences=2, dtype="float32")
    training.run(training.Job(shards=str(corpus), folder=folder, model=sizes, train=settings, device="cpu"))
    return Trained.load(folder, device=CPU)


def _random(**overrides: Any) -> Trained:
    """Random weights, those that begin as ones or zeros too."""
    model = decoder(**overrides)
    maker = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for each in model.state_dict().values():
            if each.ndim == 1:
                each.add_(0.3 * torch.randn(each.shape, generator=maker))
    return Trained(model=model, context=64, steps=0, **IDS)


def _logits(model: Decoder, tokens: torch.Tensor) -> torch.Tensor:
    with torch.no_grad():
        return model.logits(model(tokens, torch.arange(len(tokens)), Spans.of([len(tokens)])).x_TD)


def _loaded(folder: Path) -> Any:
    model, report = transformers.AutoModelForCausalLM.from_pretrained(folder, output_loading_info=True)
    assert not any(report[each] for each in ("missing_keys", "unexpected_keys", "mismatched_keys")), report
    return model.eval()


def _theirs(folder: Path, tokens: torch.Tensor) -> torch.Tensor:
    with torch.no_grad():
        return _loaded(folder)(input_ids=tokens[None]).logits[0]


@pytest.mark.parametrize(
    ("overrides", "architecture"),
    [
        ({}, "Glm4MoeForCausalLM"),
        ({"tied": False, "rope_base": 500.0, "head_width": 12}, "Glm4MoeForCausalLM"),
        ({"shared_experts": 0}, "Glm4MoeForCausalLM"),
        ({"shared_experts": 3, "heads": 3, "kv_heads": 3}, "Glm4MoeForCausalLM"),
        ({"dense_layers": 0}, "Glm4MoeForCausalLM"),
        ({"dense_layers": 2}, "Qwen3ForCausalLM"),
        ({"experts": 0, "tied": False, "rope_base": 500.0}, "Qwen3ForCausalLM"),
    ],
)
def test_random_weights_give_the_same_logits(overrides: dict[str, Any], architecture: str, tmp_path: Path) -> None:
    random = _random(**overrides)
    export(random, tmp_path / "model", tokenizers=tmp_path)
    assert json.loads((tmp_path / "model" / "config.json").read_text())["architectures"] == [architecture]
    tokens, _, _ = row([40])
    ours, theirs = _logits(random.model, tokens), _theirs(tmp_path / "model", tokens)
    assert float(ours.std()) > 0.1
    torch.testing.assert_close(theirs, ours, rtol=1e-5, atol=1e-5)
    assert {each.name for each in (tmp_path / "model").iterdir()} == {
        "config.json",
        "generation_config.json",
        "model.safetensors",
    }


def test_a_trained_model_and_its_tokenizer_are_the_same_there(corpus: Path, trained: Trained, tmp_path: Path) -> None:
    assert any(float(each.router.bias_E.abs().max()) > 0 for each in trained.model.routers)
    export(trained, tmp_path / "model", tokenizers=corpus / "tokenizer")
    encoder = held_out.encoder_of(corpus, ShardReader.open(corpus).manifest)
    tokenizer = transformers.AutoTokenizer.from_pretrained(tmp_path / "model")
    texts = ["the bank pays for <|end|> <unk> ▁ \n\n\tall", "Übermut 𐍈 中文", " two  spaces "]
    for text in texts:
        ids = encoder.encode_batch([text])[0].tolist()
        assert tokenizer(text)["input_ids"] == ids
        assert tokenizer.decode(ids) == text
        torch.testing.assert_close(
            _theirs(tmp_path / "model", torch.tensor(ids)),
            _logits(trained.model, torch.tensor(ids)),
            rtol=1e-5,
            atol=1e-5,
        )
    assert (tokenizer.eos_token_id, tokenizer.pad_token_id) == (encoder.end_id, encoder.pad_id)
    assert tokenizer.decode([encoder.end_id], skip_special_tokens=True) == ""


def test_generation_ends_where_ours_does(trained: Trained, tmp_path: Path) -> None:
    export(trained, tmp_path / "model", tokenizers=tmp_path)
    model = _loaded(tmp_path / "model")
    assert model.generation_config.eos_token_id == trained.end_id
    assert model.config.max_position_embeddings == trained.context == 64
    found = model.generate(torch.tensor([[20, 30]]), max_new_tokens=5, do_sample=False, pad_token_id=2)
    assert 2 < found.shape[1] <= 7


def test_bfloat16_keeps_routers_whole(tmp_path: Path) -> None:
    random = _random()
    export(random, tmp_path / "model", tokenizers=tmp_path, dtype="bfloat16")
    model = _loaded(tmp_path / "model")
    kinds = {name: each.dtype for name, each in model.state_dict().items()}
    whole = {name for name, kind in kinds.items() if kind == torch.float32}
    assert whole == {f"model.layers.1.mlp.gate.{each}" for each in ("weight", "e_score_correction_bias")}
    tokens, _, _ = row([40])
    found = _theirs(tmp_path / "model", tokens).float()
    assert float((found - _logits(random.model, tokens)).abs().mean()) < 0.03


def test_what_is_there_is_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "mine").touch()
    with pytest.raises(FileExistsError, match="an export overwrites nothing"):
        export(_random(), tmp_path / "model", tokenizers=tmp_path)
    assert [each.name for each in tmp_path.iterdir()] == ["model"]


def test_a_single_expert_is_refused(tmp_path: Path) -> None:
    model = Decoder(replace(decoder().config, experts=1, experts_per_token=1))
    with pytest.raises(ValueError, match=r"model\.experts: 1; the router of transformers needs 2"):
        export(Trained(model=model, context=64, steps=0, **IDS), tmp_path / "model", tokenizers=tmp_path)
