"""A trained model as a folder that Hugging Face's transformers loads, with the same logits.

With experts it is a `Glm4MoeForCausalLM`, whose parts are ours: sigmoid router in float32 with a bias for the choice
alone, weights of the chosen divided by their sum, shared expert, first layers dense, grouped queries, queries and keys
normalised by head and wholly rotated. Without, it is a `Qwen3ForCausalLM`. Nothing of transformers is needed to write.
"""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from safetensors.torch import save_file

from gristmill.trainer._torch import torch
from gristmill.trainer.config import Dtype, ModelConfig
from gristmill.trainer.exports.export import appearing
from gristmill.trainer.trained import Trained

Tensor = torch.Tensor

_NAMES = {
    "embedding_VD": "model.embed_tokens.weight",
    "output_VD": "lm_head.weight",
    "norm.weight": "model.norm.weight",
    "norm_attention.weight": "input_layernorm.weight",
    "norm_ffn.weight": "post_attention_layernorm.weight",
    "attention.q_XD": "self_attn.q_proj.weight",
    "attention.k_XD": "self_attn.k_proj.weight",
    "attention.v_XD": "self_attn.v_proj.weight",
    "attention.out_DX": "self_attn.o_proj.weight",
    "attention.norm_q.weight": "self_attn.q_norm.weight",
    "attention.norm_k.weight": "self_attn.k_norm.weight",
    "ffn.gate_FD": "mlp.gate_proj.weight",
    "ffn.up_FD": "mlp.up_proj.weight",
    "ffn.down_DF": "mlp.down_proj.weight",
    "ffn.router.weight_ED": "mlp.gate.weight",
    "ffn.router.bias_E": "mlp.gate.e_score_correction_bias",
    "ffn.shared.gate_FD": "mlp.shared_experts.gate_proj.weight",
    "ffn.shared.up_FD": "mlp.shared_experts.up_proj.weight",
    "ffn.shared.down_DF": "mlp.shared_experts.down_proj.weight",
}
_EXPERTS = {"ffn.gate_EDF": "gate_proj", "ffn.up_EDF": "up_proj", "ffn.down_EFD": "down_proj"}
_FLOAT32 = ("mlp.gate.weight", "mlp.gate.e_score_correction_bias")
"""Routers stay in float32, whatever the rest is in."""


def export(trained: Trained, target: Path, *, tokenizers: Path, dtype: Dtype = "float32") -> None:
    """Write a model to a new folder, which appears when it is complete.

    Args:
        tokenizers: folder with the `tokenizer.json` of the model's tokenizer; without one the model goes alone.

    Memory: the model once more.

    Raises:
        FileExistsError: the target is there, and not an empty folder.
        ValueError: transformers has no such model.
    """
    config = trained.model.config
    if config.moe_layers and config.experts == 1:
        raise ValueError("model.experts: 1; the router of transformers needs 2 to choose from")
    tensors = dict(_tensors(trained.model.state_dict(), config))
    for name, each in tensors.items():
        kept = torch.float32 if name.endswith(_FLOAT32) else getattr(torch, dtype)
        tensors[name] = each.to("cpu", kept).contiguous()
    ids = {"eos_token_id": trained.end_id, "pad_token_id": trained.pad_id}
    with appearing(target.resolve()) as folder:
        save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
        _write(folder / "config.json", _config(config, context=trained.context) | ids | {"dtype": dtype})
        _write(folder / "generation_config.json", {"do_sample": True} | ids)
        _tokenizer(folder, tokenizers, trained=trained)


def _tensors(weights: Mapping[str, Tensor], config: ModelConfig) -> Iterator[tuple[str, Tensor]]:
    for name, tensor in weights.items():
        layer, inner = "", name
        if name.startswith("layers."):
            _, number, inner = name.split(".", 2)
            layer = f"model.layers.{number}."
        if inner in _NAMES:
            yield layer + _NAMES[inner], tensor
            continue
        for expert, matrix in enumerate(tensor):
            yield f"{layer}mlp.experts.{expert}.{_EXPERTS[inner]}.weight", matrix.T
            if expert == 0 and not config.shared_experts:  # there has to be one: one that adds nothing
                yield f"{layer}mlp.shared_experts.{_EXPERTS[inner]}.weight", torch.zeros_like(matrix.T)


def _config(config: ModelConfig, *, context: int) -> dict[str, Any]:
    sizes = {
        "vocab_size": config.vocabulary_size,
        "hidden_size": config.width,
        "intermediate_size": config.dense_width,
        "num_hidden_layers": config.depth,
        "num_attention_heads": config.heads,
        "num_key_value_heads": config.kv_heads,
        "head_dim": config.head_width,
        "hidden_act": "silu",
        "rms_norm_eps": 1e-6,
        "attention_bias": False,
        "tie_word_embeddings": config.tied,
        "max_position_embeddings": context,
        "rope_theta": config.rope_base,
    }
    if not config.moe_layers:
        return {"architectures": ["Qwen3ForCausalLM"], "model_type": "qwen3"} | sizes
    experts = {
        "partial_rotary_factor": 1.0,
        "use_qk_norm": True,
        "first_k_dense_replace": config.dense_layers,
        "n_routed_experts": config.experts,
        "num_experts_per_tok": config.experts_per_token,
        "n_shared_experts": max(1, config.shared_experts),
        "moe_intermediate_size": config.expert_width,
        "norm_topk_prob": True,
        "routed_scaling_factor": 1.0,
        "n_group": 1,
        "topk_group": 1,
        "num_nextn_predict_layers": 0,
    }
    return {"architectures": ["Glm4MoeForCausalLM"], "model_type": "glm4_moe"} | sizes | experts


def _tokenizer(folder: Path, tokenizers: Path, *, trained: Trained) -> None:
    """The tokenizer, and that no text may spell a special token, as none could in training."""
    file = tokenizers / "tokenizer.json"
    if not file.is_file():
        return
    data = file.read_bytes()
    names = {each["id"]: each["content"] for each in json.loads(data)["added_tokens"]}
    ids = {"eos_token": trained.end_id, "pad_token": trained.pad_id}
    special = {role: names[each] for role, each in ids.items() if each in names}
    (folder / "tokenizer.json").write_bytes(data)
    fixed = {"tokenizer_class": "PreTrainedTokenizerFast", "clean_up_tokenization_spaces": False}
    settings = {"split_special_tokens": True, "model_max_length": trained.context}
    _write(folder / "tokenizer_config.json", fixed | settings | special)


def _write(path: Path, value: Mapping[str, Any]) -> None:
    path.write_text(json.dumps(value, indent=2) + "\n", "utf-8")
