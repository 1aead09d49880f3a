"""National identity and tax numbers that a checksum makes sure, of 60 countries.

Written from what the authorities publish of each. Numbers without a check, such as those of the United States,
Indonesia, Pakistan and Nigeria, are not looked for.
"""

from collections.abc import Iterator, Mapping
from functools import lru_cache
from re import Pattern

from gristmill.filters.personal import context
from gristmill.filters.personal.national import (
    americas_africa_oceania,
    asia,
    eastern_europe,
    northern_europe,
    western_europe,
)
from gristmill.filters.personal.national.scheme import Needs, Scheme
from gristmill.filters.personal.numbers import Run
from gristmill.filters.personal.places import Place
from gristmill.filters.personal.spans import Span

__all__ = ["SCHEMES", "Needs", "Scheme", "find"]

SCHEMES: tuple[Scheme, ...] = (
    *northern_europe.SCHEMES,
    *western_europe.SCHEMES,
    *eastern_europe.SCHEMES,
    *asia.SCHEMES,
    *americas_africa_oceania.SCHEMES,
)

_MAX_GROUPS = 8
"""Groups of the longest layout, and one more."""

_Named = tuple[Scheme, Pattern[str]]


@lru_cache(maxsize=1)
def _by_layout() -> tuple[Mapping[str, tuple[_Named, ...]], frozenset[str]]:
    """Schemes, with their words, by layout; and all beginnings of layouts that end where a group does."""
    found: dict[str, list[_Named]] = {}
    for scheme in SCHEMES:
        named = (scheme, context.any_of(scheme.words))
        for layout in scheme.layouts:
            found.setdefault(layout, []).append(named)
    beginnings = {layout[:n] for layout in found for n in range(1, len(layout) + 1) if not layout[n : n + 1].isalnum()}
    return {layout: tuple(named) for layout, named in found.items()}, frozenset(beginnings)


def find(run: Run, place: Place) -> Iterator[Span]:
    """The national numbers in a run of digits."""
    layouts, beginnings = _by_layout()
    groups, text = run.groups, run.text
    end = 0
    for n, (start, _) in enumerate(groups):
        if start < end:
            continue
        for _, last in groups[n : n + _MAX_GROUPS]:
            if run.layout[start:last] not in beginnings:
                break
            stop = last + (text[last : last + 1] == ")" and "(" in text[start:last])
            named = layouts.get(run.layout[start:stop])
            if named and _is_sure(run, start, stop, named=named, place=place):
                yield Span("national_id", run.offset + start, run.offset + stop)
                end = stop
                break


def _is_sure(run: Run, start: int, end: int, *, named: tuple[_Named, ...], place: Place) -> bool:
    """Whether one of the schemes with this layout takes what is written for its own."""
    if not run.is_apart(start, end):
        return False
    written, layout = run.text[start:end], run.layout[start:end]
    if not run.stands_alone(start, end) and " " in written:
        return False
    compact = "".join(character for character in written if character.isalnum()).upper()
    return any(
        _is_believed(run, scheme.layouts[layout], scheme=scheme, called=pattern, place=place) and scheme.valid(compact)
        for scheme, pattern in named
    )


def _is_believed(run: Run, needs: Needs, *, scheme: Scheme, called: Pattern[str], place: Place) -> bool:
    """Whether what has to stand by for a layout does, and nothing says otherwise."""
    word, thing = run.before.last(called), run.before.last(place.words.thing)
    if word >= 0 or needs is Needs.WORD:
        return word >= 0 and word >= thing
    at_home = needs is Needs.NOTHING or any(country in place.regions for country in scheme.countries)
    return at_home and thing < 0
