"""The tutorial does what it says: all that it shows is run in an empty folder, and has to print what the page shows.

Of the fenced blocks, in the order of the page,

- `sh` is run as it is, and prints nothing;
- `console` holds commands behind `$ ` (`> ` goes on with one), and behind each what it prints on both streams;
- `python` is run as a script, and prints what the next `text` block holds.

`...` stands for anything, as in doctest. Measured numbers (seconds, losses, speeds) need not be the same, and the lines
that tell of progress in a long phase (kernels that are compiled for the first time) are passed over.
"""

import doctest
import importlib.util
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs" / "tutorial.md"

_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_PROGRESS = re.compile(r"\w+: \d+/\d+ units, ")
_MEASURED = re.compile(
    r"(?<=loss |load )\s*[\d.]+|[\d.,]+(?= s$|% of peak| bits/byte| tokens/s| documents/s| MB/s)", re.MULTILINE
)


@dataclass(frozen=True, kw_only=True)
class Step:
    """A command, and what it should print."""

    command: list[str]
    expected: str


def steps(page: str) -> Iterator[Step]:
    blocks = [*_BLOCK.findall(page), ("", "")]
    for (kind, content), (next_kind, next_content) in pairwise(blocks):
        if kind == "sh":
            yield Step(command=["bash", "-euc", content], expected="")
        elif kind == "python":
            assert next_kind == "text", f"no text block says what this prints:\n{content}"
            yield Step(command=[sys.executable, "-c", content], expected=next_content)
        elif kind == "console":
            for command, expected in _commands(content):
                yield Step(command=["bash", "-uc", command], expected=expected)


def _commands(block: str) -> Iterator[tuple[str, str]]:
    for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
        command, *printed = part.splitlines(keepends=True)
        while printed and printed[0].startswith("> "):
            command += printed.pop(0).removeprefix("> ")
        yield command, "".join(printed)


def _comparable(printed: str) -> str:
    lines = (f"{line.rstrip()}\n" for line in printed.splitlines() if not _PROGRESS.match(line))
    return _MEASURED.sub("#", "".join(lines))


def run(step: Step, folder: Path) -> str:
    environment = {
        **os.environ,
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")]),
        "COLUMNS": "112",
        "PYTHONUTF8": "1",
    }
    done = subprocess.run(
        step.command,
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        check=False,
        timeout=120,
    )
    return done.stdout


def test_the_tutorial_prints_what_it_shows(tmp_path: Path) -> None:
    checker = doctest.OutputChecker()
    has_torch = importlib.util.find_spec("torch") is not None
    for step in steps(PAGE.read_text("utf-8")):
        if "gristmill train" in step.command[-1] and not has_torch:
            continue
        printed = run(step, tmp_path)
        agree = checker.check_output(_comparable(step.expected), _comparable(printed), doctest.ELLIPSIS)
        assert agree, f"{step.command[-1]}\nprinted:\n{printed}\nbut the page shows:\n{step.expected}"
