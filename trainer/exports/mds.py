"""MosaicML's MDS, by its own writer: a sample is a training sequence, `tokens` (L) and `doc_lens`."""

from pathlib import Path

from gristmill.trainer.exports.reading import sequences
from gristmill.trainer.shards import ShardReader


def write(reader: ShardReader, folder: Path) -> int:
    """Write MDS files; returns the number of samples.

    Raises:
        ImportError: mosaicml-streaming is not installed, or cannot be imported.
        ManifestError: a shard is damaged.
    """
    try:
        from streaming import MDSWriter  # noqa: PLC0415  (an extra)
    except (ImportError, RuntimeError) as error:  # the latter where torchvision was built for another torch
        raise ImportError(f"MDS needs mosaicml-streaming ({error}): pip install 'gristmill[mds]'") from error
    manifest, samples = reader.manifest, 0
    columns = {"tokens": f"ndarray:{manifest.token_type}:{manifest.sequence_length}", "doc_lens": "ndarray:int32"}
    with MDSWriter(out=str(folder), columns=columns) as writer:
        for each in sequences(reader):
            writer.write({"tokens": each.tokens, "doc_lens": each.doc_lens})
            samples += 1
    return samples
