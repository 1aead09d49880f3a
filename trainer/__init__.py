"""A small mixture-of-experts trainer. Knows shards, not the pipeline that made them. Only `shards` works without torch."""

from gristmill.trainer.shards import Manifest, ManifestError, ShardReader

__all__ = ["Manifest", "ManifestError", "ShardReader"]
