"""litdata's chunks, by its own writer: a sample is a training sequence, `tokens` (L) and `doc_lens`.

`litdata.optimize` would start processes that each read the shards and write by turns; its `Cache` is what writes in
them.
"""

from pathlib import Path

from gristmill.trainer.exports.reading import sequences
from gristmill.trainer.shards import ShardReader

_CHUNK = "64MB"


def write(reader: ShardReader, folder: Path) -> int:
    """Write chunks and their index; returns the number of samples.

    Raises:
        ImportError: litdata is not installed, or cannot be imported.
        ManifestError: a shard is damaged.
    """
    try:
        from litdata.streaming.cache import Cache  # noqa: PLC0415  (an extra)
    except ImportError as error:
        raise ImportError(f"this needs litdata ({error}): pip install 'gristmill[litdata]'") from error
    cache, samples = Cache(str(folder), chunk_bytes=_CHUNK), 0
    for each in sequences(reader):
        cache[samples] = {"tokens": each.tokens, "doc_lens": each.doc_lens}
        samples += 1
    cache.done()
    cache.merge()
    return samples
