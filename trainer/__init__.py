"""A small mixture-of-experts trainer. It knows shards, not the pipeline that made them.

Reading shards needs no torch; `model` and `train` do.
"""

from gristmill.trainer.shards import Manifest, ManifestError, ShardReader

__all__ = ["Manifest", "ManifestError", "ShardReader"]
