"""Makes shards to read."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from stages import Runner, curated, document, recipe

from gristmill.pipelines import pack, train_tokenizer

SMALL = {"sequence_length": 64, "shard_tokens": 1024}


def build(
    folder: Path,
    *,
    documents: int = 260,
    texts: Sequence[str] | None = None,
    packing: dict[str, int] | None = None,
    **sections: Any,
) -> Path:
    """An output with shards of about 16 sequences of 64 tokens, in row groups of 4, unless `packing` says otherwise."""
    runner = Runner(folder)
    named = {text: text for text in texts or ()} or {  # ids come from the text, unless texts repeat
        str(each): "the bank pays for the work of all people in a factory " * (1 + each % 5)
        for each in range(documents)
    }
    given = curated(runner.store, [[document(name, text) for name, text in named.items()]])
    settings = recipe(tokenizer={"vocabulary_size": 1000}, packing=packing or SMALL, **sections)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pack, "ROW_GROUP_TOKENS", 256)
        tokenizer = runner(train_tokenizer.stage(settings, folder="", curated=given))
        runner(pack.stage(settings, curated=given, tokenizer=tokenizer))
    return folder
