"""Fitted limits as a TOML file for people: every limit with the evidence that it rests on."""

from collections.abc import Iterator

from gristmill.filters.calibrate import Calibration, Fit


def to_toml(calibration: Calibration, *, about: str = "") -> str:
    """The limits as the part `[rules.limits]` of a recipe, which is also the form of the shipped file."""
    return "\n".join(_lines(calibration, about)) + "\n"


def _lines(calibration: Calibration, about: str) -> Iterator[str]:
    yield from (f"# {line}".rstrip() for line in about.splitlines())
    yield f"# Limits fitted to single languages by `gristmill calibrate`, from those of {calibration.base}."
    yield "# Behind each: the limit that it replaces, and the shares of the reference text that the two drop."
    for code, fits in calibration.fits.items():
        if fits:
            yield ""
            yield f"[rules.limits.{code}]  # {calibration.documents[code]} documents"
            yield from map(_line, fits)
    unchanged = [code for code, fits in calibration.fits.items() if not fits]
    if unchanged:
        yield ""
        yield "# Fitted, and no limit had to change:"
        yield from _wrapped(unchanged)
    if calibration.few:
        yield ""
        yield "# Too few documents to fit:"
        yield from _wrapped([f"{code} ({n})" for code, n in calibration.few.items()])
    if not calibration.limits:
        yield "[rules.limits]"


def _line(fit: Fit) -> str:
    limit = "false" if fit.limit is None else f"{fit.limit:.12g}"
    setting = f'"{fit.rule}" = {limit}'
    return f"{setting:<52} # {fit.before:.12g}: drops {fit.dropped_before:.1%}, now {fit.dropped:.1%}"


def _wrapped(words: list[str]) -> Iterator[str]:
    line = "#"
    for word in words:
        if len(line) + len(word) + 2 > 110:
            yield line
            line = "#"
        line += f" {word}"
    yield line
