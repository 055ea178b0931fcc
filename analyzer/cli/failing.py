"""Every error of the command is one line and an exit code; ``--debug`` shows its traceback."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from io import TextIOWrapper
from typing import Any, NoReturn

import click

from analyzer.errors import AnalyzerError

__all__ = ["FAILED", "Commands", "debug"]

FAILED = 1
"""The exit code of a check or comparison that failed."""

_INTERNAL = 3


class Commands(click.Group):
    """Turns every error into one line and an exit code; ``--debug`` puts the traceback before."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.commands)  # as they were added, which is how they are learned

    def make_context(self, *args: Any, **extra: Any) -> click.Context:
        _never_fail_to_write()
        with _in_one_line({}):
            return super().make_context(*args, **extra)

    def invoke(self, ctx: click.Context) -> Any:
        with _in_one_line(ctx.meta):
            return super().invoke(ctx)


def _never_fail_to_write() -> None:
    """Let a stream replace what its encoding lacks: a pipe of Windows has no ``≥``."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper) and stream.errors == "strict":
            stream.reconfigure(errors="replace")


@contextmanager
def _in_one_line(meta: Mapping[str, Any]) -> Iterator[None]:
    try:
        yield
    except (click.exceptions.Exit, click.exceptions.NoArgsIsHelpError, click.Abort):
        raise
    except BrokenPipeError:  # the reader of a pipe has seen enough; click ends quietly
        raise
    except click.UsageError as error:
        help_line = f"; see '{error.ctx.command_path} --help'" if error.ctx else ""
        _fail(error.format_message().rstrip(".") + help_line, error.exit_code)
    except AnalyzerError as error:
        if meta.get("debug"):
            _print_traceback()
        _fail(str(error), error.exit_code)
    except Exception as error:
        if meta.get("debug"):
            _print_traceback()
        _fail(
            f"a fault of the analyser or of a plugin: {type(error).__name__}: {error}; "
            "run again with --debug and report what it prints",
            _INTERNAL,
        )


def _print_traceback() -> None:
    import traceback

    traceback.print_exc()


def _fail(message: str, exit_code: int) -> NoReturn:
    click.echo(f"error: {' '.join(message.split())}", err=True)
    raise click.exceptions.Exit(exit_code)


def _remember_debug(ctx: click.Context, _: click.Parameter, value: bool) -> None:
    if value:
        ctx.meta["debug"] = True


debug = click.option(
    "--debug",
    is_flag=True,
    expose_value=False,
    callback=_remember_debug,
    help="Show the traceback of an error.",
)
