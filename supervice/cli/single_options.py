"""Turns the options of single-command mode from words into values."""

from __future__ import annotations

from supervice.cli.args import OPTIONS, TERMINATION_LOG, UsageError, seconds
from supervice.pid1.single_command import SingleOptions

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from supervice.cli.args import Arguments


def single_options(args: Arguments) -> SingleOptions:
    """Returns the options; UsageError for a wrong signal, number or exit code."""
    verbosity = args.get("verbose") or "0"
    if not _is_short_number(verbosity):
        raise UsageError("the verbosity is a number from 0 to 3")
    if args.get("group") and args.get("single-child"):
        raise UsageError("--group and --single-child exclude each other")
    return SingleOptions(
        single_child=args.get("single-child") is not None,
        rewrite=_rewrites(args.get("rewrite") or ""),
        exit_code_ok=_codes(args.get("exit-code-ok") or ""),
        parent_death_signal=_signal(args.get("parent-death-signal")),
        warn_on_reap=args.get("warn-on-reap") is not None,
        shutdown_timeout=seconds(args, "shutdown-timeout"),
        verbosity=int(verbosity),
    )


def unknown_variables(environ: Mapping[str, str]) -> list[str]:
    """Returns a warning for each variable that looks like an option and is none; loads nothing if all are."""
    known = {f"SUPERVICE_{name.upper().replace('-', '_')}" for name, *_ in OPTIONS} | {TERMINATION_LOG}
    if not any(name.startswith("SUPERVICE_") and name not in known for name in environ):
        return []
    from supervice.config.from_environment import unknown
    from supervice.config.problems import nearest
    from supervice.lean.text import clean

    return [f"{clean(variable)}: {message}" for variable, message in unknown(environ, nearest)]


def _signal(text: str | None) -> int:
    if not text:
        return 0
    from supervice.config.values import signal_number

    try:
        return signal_number(text)
    except ValueError as error:
        raise UsageError(f"{text!r}: {error}") from None


def _rewrites(text: str) -> dict[int, int]:
    rewrite: dict[int, int] = {}
    for word in text.replace(",", " ").split():
        received, colon, delivered = word.partition(":")
        if not colon:
            raise UsageError(f"--rewrite takes SIGNAL:SIGNAL, not {word!r}")
        rewrite[_signal(received)] = 0 if delivered == "0" else _signal(delivered)
    return rewrite


def _is_short_number(word: str) -> bool:
    return word.isascii() and word.isdigit() and len(word) < 10


def _codes(text: str) -> tuple[int, ...]:
    codes = []
    for word in text.replace(",", " ").split():
        if not _is_short_number(word) or int(word) > 255:
            raise UsageError(f"an exit code is a number from 0 to 255, not {word!r}")
        codes.append(int(word))
    return tuple(codes)
