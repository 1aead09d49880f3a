"""Shards of training sequences, for trainers: read by index, or in a seeded order that can be taken up at any place.

Needs neither torch nor the pipeline; `datasets`, for torch's DataLoader, needs torch. docs/shards.md has the format.
"""

from gristmill.trainer.shards.batch import Batch, State
from gristmill.trainer.shards.folders import Cache
from gristmill.trainer.shards.manifest import Manifest, ManifestError, Shard
from gristmill.trainer.shards.reader import ShardReader

__all__ = ["Batch", "Cache", "Manifest", "ManifestError", "Shard", "ShardReader", "State"]
