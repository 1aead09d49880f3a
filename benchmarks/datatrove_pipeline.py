"""datatrove's side of benchmarks/peers.py, run by a Python that has datatrove; Gristmill is not imported here.

Run: python benchmarks/datatrove_pipeline.py train|run SAMPLE TOKENIZER [OUTPUT]

SAMPLE holds one JSON lines file per language, named by its code. train: a byte-level BPE of Gristmill's default size.
run: filters and signatures language by language, as in FineWeb 2; then buckets, clusters and tokens of everything.
"""

import argparse
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from datatrove.executor import LocalPipelineExecutor  # type: ignore[import-not-found]
from datatrove.pipeline.dedup import (  # type: ignore[import-not-found]
    MinhashDedupBuckets,
    MinhashDedupCluster,
    MinhashDedupFilter,
    MinhashDedupSignature,
)
from datatrove.pipeline.dedup.minhash import MinhashConfig  # type: ignore[import-not-found]
from datatrove.pipeline.filters import (  # type: ignore[import-not-found]
    FineWebQualityFilter,
    GopherQualityFilter,
    GopherRepetitionFilter,
)
from datatrove.pipeline.readers import JsonlReader  # type: ignore[import-not-found]
from datatrove.pipeline.tokens import DocumentTokenizer  # type: ignore[import-not-found]
from datatrove.pipeline.writers import JsonlWriter  # type: ignore[import-not-found]
from loguru import logger  # type: ignore[import-not-found]
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers  # type: ignore[import-not-found]

VOCABULARY = 32768
END = "<|endoftext|>"
CHARACTERS = {"zho", "jpn"}
"""Languages whose words are shorter than the three characters that Gopher asks of English."""

NAMES = {"zho": "zho_Hani"}
"""Languages whose bare code means another script to datatrove."""

# Ours, and datatrove's own: 5-grams of words, 14 buckets of 8 hashes.
SIGNATURES = MinhashConfig(n_grams=5, num_buckets=14, hashes_per_bucket=8)


def texts(sample: Path) -> Iterator[str]:
    for path in sorted(sample.glob("*.jsonl")):
        with path.open(encoding="utf-8") as lines:
            yield from (json.loads(line)["text"] for line in lines)


def train(sample: Path, target: Path) -> None:
    """A tokenizer of the sample's text, since none can be fetched."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY, special_tokens=[END], initial_alphabet=alphabet, show_progress=False
    )
    tokenizer.train_from_iterator(texts(sample), trainer)
    tokenizer.save(str(target))


def filters(code: str) -> list[Any]:
    """The three filters with Gristmill's limits for English; other languages' stop words are not in the package."""
    language = NAMES.get(code, code)
    quality: dict[str, Any] = {} if code == "eng" else {"min_stop_words": 0}
    if code in CHARACTERS:
        quality["min_avg_word_length"] = 1
    return [
        GopherRepetitionFilter(language=language),
        GopherQualityFilter(language=language, **quality),
        FineWebQualityFilter(language=language, char_duplicates_ratio=0.1),
    ]


def execute(name: str, pipeline: list[Any], output: Path, **tasks: int) -> None:
    LocalPipelineExecutor(pipeline, workers=1, logging_dir=str(output / "logs" / name), **tasks).run()


def run(sample: Path, tokenizer: Path, output: Path) -> dict[str, int]:
    """From JSON lines to tokens; task n of the first step reads file n, which is one language."""
    codes = [path.stem for path in sorted(sample.glob("*.jsonl"))]
    filtered, signatures, buckets, clusters, tokens = (
        str(output / name) for name in ("filtered", "signatures", "buckets", "clusters", "tokens")
    )
    Path(filtered).mkdir(parents=True)
    for rank, code in enumerate(codes):
        rules = filters(code)
        steps = [
            JsonlReader(str(sample)),
            *rules,
            JsonlWriter(filtered, output_filename="${rank}.jsonl", compression=None),
            MinhashDedupSignature(signatures, config=SIGNATURES, language=rules[0].language),
        ]
        execute(f"filter-{code}", steps, output, tasks=len(codes), local_tasks=1, local_rank_offset=rank)
        Path(filtered, f"{rank:05d}.jsonl").touch()  # so that later tasks read the same ranks if nothing was kept
    pairs = MinhashDedupBuckets(signatures, buckets, config=SIGNATURES)
    execute("buckets", [pairs], output, tasks=SIGNATURES.num_buckets)
    execute("clusters", [MinhashDedupCluster(buckets, clusters, config=SIGNATURES)], output, tasks=1)
    encoder = DocumentTokenizer(tokens, str(tokenizer), eos_token=END)
    execute("tokens", [JsonlReader(filtered), MinhashDedupFilter(clusters), encoder], output, tasks=len(codes))
    return counts(output)


def counts(output: Path) -> dict[str, int]:
    """Documents past the filters and past deduplication, and their tokens, from datatrove's own statistics."""
    stats = json.loads((output / "logs" / "tokens" / "stats.json").read_text())
    reader, unique, encoder = (step["stats"] for step in stats)
    return {
        "passed": total(reader["documents"]),
        "kept": total(unique["forwarded"]),
        "tokens": total(encoder["tokens"]),
    }


def total(stat: Any) -> int:
    return int(stat["total"] if isinstance(stat, dict) else stat)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["train", "run"])
    parser.add_argument("sample", type=Path)
    parser.add_argument("tokenizer", type=Path)
    parser.add_argument("output", type=Path, nargs="?")
    given = parser.parse_args()
    logger.disable("datatrove")
    if given.what == "train":
        train(given.sample, given.tokenizer)
    else:
        print(json.dumps(run(given.sample, given.tokenizer, given.output)))


if __name__ == "__main__":
    main()
