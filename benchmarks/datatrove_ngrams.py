"""datatrove's side of benchmarks/contamination.py, run by a Python that has datatrove; Gristmill is not imported here.

Reads a JSON list of [text, language] from standard input; writes, as JSON, the hashes of each text's n-grams, as
NGramsDecontIndexer and NGramsDecontFilter make them by default, and the processor seconds that took.
"""

import json
import sys
import time

from datatrove.pipeline.decont.n_grams import NGramsDecontConfig  # type: ignore[import-not-found]
from datatrove.utils.hashing import create_hash_func  # type: ignore[import-not-found]
from datatrove.utils.text import ngrams, simplify_text  # type: ignore[import-not-found]
from datatrove.utils.word_tokenizers import load_word_tokenizer  # type: ignore[import-not-found]


def main() -> None:
    """Cut and hash."""
    texts = json.load(sys.stdin)
    config = NGramsDecontConfig()
    hash_function = create_hash_func(config.hash_config)
    tokenizers = {language: load_word_tokenizer(language) for language in sorted({language for _, language in texts})}
    for tokenizer in tokenizers.values():
        tokenizer.word_tokenize("warm up")
    start = time.process_time()
    hashes = []
    for text, language in texts:
        words = tokenizers[language].word_tokenize(simplify_text(text, config.norm_config))
        hashes.append([hash_function(" ".join(each)) for each in ngrams(words, config.n_grams)])
    json.dump({"hashes": hashes, "seconds": time.process_time() - start}, sys.stdout)


if __name__ == "__main__":
    main()
