"""datatrove's side of benchmarks/encoding.py, run by a Python that has datatrove; Gristmill is not imported here.

Run: RAYON_NUM_THREADS=1 python benchmarks/datatrove_tokens.py TEXT.jsonl TOKENIZER.json OUTPUT

Prints processor seconds of the step that turns documents into a file of tokens, documents and tokens being in memory,
and how many tokens it wrote.
"""

import json
import sys
import time
from pathlib import Path

from datatrove.data import Document  # type: ignore[import-not-found]
from datatrove.pipeline.tokens import DocumentTokenizer  # type: ignore[import-not-found]
from loguru import logger  # type: ignore[import-not-found]


def main(text: Path, tokenizer: str, output: str) -> None:
    logger.remove()
    with text.open(encoding="utf-8") as lines:
        documents = [Document(text=json.loads(line), id=str(number)) for number, line in enumerate(lines)]
    step = DocumentTokenizer(output, tokenizer, eos_token="<|end|>", shuffle_documents=False)
    _ = step.tokenizer  # loads it
    started = time.process_time()
    step.run(documents, rank=0, world_size=1)
    took = time.process_time() - started
    size = sum(path.stat().st_size for path in Path(output).rglob("*.ds"))
    print(json.dumps({"seconds": took, "tokens": size // (2 if step.token_size == 2 else 4)}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], sys.argv[3])
