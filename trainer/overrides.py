"""Settings by name, `width=512`, over those that the dial and the defaults give."""

import json
import math
from collections.abc import Sequence
from dataclasses import MISSING, Field, fields
from typing import Any, get_args

from gristmill.schemas import nearest


def parsed(given: Sequence[str], kinds: Sequence[type]) -> list[dict[str, Any]]:
    """What is set of each kind of configuration, dataclasses that have no names in common.

    Raises:
        ValueError: there is no such setting, or its value is of another type.
    """
    known = [{each.name: each for each in fields(kind)} for kind in kinds]
    found: list[dict[str, Any]] = [{} for _ in kinds]
    for name, _, text in (each.partition("=") for each in given):
        settings = next((n for n, each in enumerate(known) if name in each), None)
        if settings is None:
            every = sorted({name for each in known for name in each})
            raise ValueError(f"{name!r} is no setting{nearest(name, every)} (there are {', '.join(every)})")
        found[settings][name] = _value(known[settings][name], text)
    return found


def _value(field: "Field[Any]", text: str) -> Any:
    try:
        value = json.loads(text)
    except json.JSONDecodeError:
        value = text
    wanted = _type(field)
    if wanted is None or (value is None and type(None) in get_args(field.type)):
        return value
    if wanted is str:
        return text
    if wanted is float and type(value) is int:
        return float(value)
    if type(value) is not wanted or (isinstance(value, float) and not math.isfinite(value)):
        kind = {int: "whole number", float: "number", bool: "true or false"}[wanted]
        raise ValueError(f"{field.name}: {text!r} is no {kind}")
    return value


def _type(field: "Field[Any]") -> type | None:
    """Of a field's values; None where they are checked elsewhere."""
    if field.default is None:
        return next((each for each in get_args(field.type) if each in (int, float)), None)
    return int if field.default is MISSING else type(field.default)
