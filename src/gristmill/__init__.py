"""Gristmill: raw multilingual text in, packed training shards out, with a reason for every record."""

from importlib.metadata import version

__version__ = version("gristmill")
