"""The named queries: one SQL file each beside this module, its first line a comment that says what it answers."""

from importlib.resources import files

from gristmill.schemas import nearest


def names() -> tuple[str, ...]:
    """Names of the queries, in order of the alphabet."""
    folder = files(__name__)
    return tuple(sorted(each.name.removesuffix(".sql") for each in folder.iterdir() if each.name.endswith(".sql")))


def load(name: str) -> str:
    """The SQL of a query.

    Raises:
        ValueError: there is no such query; the message names the nearest.
    """
    known = names()
    if name not in known:
        raise ValueError(f"no query is named {name!r}{nearest(name, known)} (there are: {', '.join(known)})")
    return files(__name__).joinpath(f"{name}.sql").read_text("utf-8")


def description(name: str) -> str:
    """What a query answers, in a sentence."""
    return load(name).split("\n", 1)[0].removeprefix("--").strip()
