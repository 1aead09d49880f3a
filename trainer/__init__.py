"""A small mixture-of-experts trainer. It knows shards, not the pipeline that made them.

Reading shards needs no torch; `shards.datasets`, `model` and `train` do.
"""

from gristmill.trainer.shards import Batch, Cache, Manifest, ManifestError, ShardReader, State

__all__ = ["Batch", "Cache", "Manifest", "ManifestError", "ShardReader", "State"]
