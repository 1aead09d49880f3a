"""Commands and groups of commands that end in one clear line, whatever goes wrong."""

import os
import sys
from typing import Any, NoReturn

import click

from gristmill.schemas import nearest


class Command(click.Command):
    """A command that ends in one clear line, whatever goes wrong."""

    def invoke(self, ctx: click.Context) -> Any:
        from gristmill.pipelines.engine import RunError  # noqa: PLC0415

        try:
            return super().invoke(ctx)
        except (click.ClickException, click.exceptions.Exit, click.Abort, BrokenPipeError):
            raise  # click's own business
        except (RunError, ValueError, ImportError) as error:
            fail(str(error))
        except OSError as error:
            fail(f"{error.filename}: {error.strerror}" if error.filename else str(error.strerror or error))
        except KeyboardInterrupt:
            _interrupted()
        except Exception as error:
            _fault(error, output=ctx.params.get("output"))


class Commands(click.Group):
    """A group that names the nearest command for a mistyped one."""

    command_class = Command
    group_class = type

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            raise click.UsageError(f"no command {args[0]!r}{nearest(args[0], self.commands)}", ctx) from error


def fail(message: str) -> NoReturn:
    from gristmill.reports.safe import visible  # noqa: PLC0415

    for line in message.splitlines() or ["unknown error"]:
        click.echo(click.style("error: ", fg="red", bold=True) + visible(line), err=True)
    sys.exit(1)


def _interrupted() -> NoReturn:
    """End at once: Beam's threads would go on with what they are at. What is half done leaves no trace."""
    click.echo("\nstopped; the same command goes on from here", err=True)
    os._exit(130)


def _fault(error: Exception, *, output: str | None) -> NoReturn:
    """Own up to an error that nobody foresaw, and leave its traceback in a file."""
    import tempfile  # noqa: PLC0415
    import traceback  # noqa: PLC0415

    folder = output if output and os.access(output, os.W_OK) else None
    descriptor, log = tempfile.mkstemp(prefix="fault-", suffix=".log", dir=folder)
    with os.fdopen(descriptor, "w", encoding="utf-8", errors="backslashreplace") as file:
        traceback.print_exception(error, file=file)
    fail(f"{type(error).__name__}: {error}; this is a fault of Gristmill, please report it with {log}")
