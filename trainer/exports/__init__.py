"""The tokens of an output in the formats of other trainers. docs/export.md tells how each is loaded."""

from gristmill.trainer.exports.export import Exported, Format, export

__all__ = ["Exported", "Format", "export"]
