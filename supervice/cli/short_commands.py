"""What `supervice` does apart from running something: the help page, the version, `check`."""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from supervice.cli.args import Arguments

FAILED = 1


def run_short(args: Arguments, found: str | None) -> int | None:
    """Returns the exit code; None when the arguments ask for something to be run.

    Output that cannot be written, to a closed pipe or a full disk, ends the command with one line and 1.
    """
    is_check = args.command[:1] == ["check"] and not args.literal
    if not (args.get("help") or args.get("version") or is_check):
        return None
    _listen_to_signals()
    if sys.stdout is None:  # started with it closed
        complain("stdout is closed")
        return FAILED
    try:
        code = _run(args, found)
        sys.stdout.flush()
    except OSError as error:
        complain(f"stdout: {error.strerror or error}")
        return FAILED
    return code


def _run(args: Arguments, found: str | None) -> int:
    from supervice.cli.terminal import write

    if args.get("help"):
        from supervice.cli.args import usage

        write(f"{usage()}\n")
    elif args.get("version"):
        from supervice import __version__

        write(f"supervice {__version__}\n")
        if args.get("verbose"):
            from supervice.cli.versions import versions

            write(f"{versions()}\n")
    else:
        from supervice.cli.check import check

        return check(args.command[1:], found, args.get("configuration") is not None)
    return 0


def _listen_to_signals() -> None:
    """Lets Ctrl-C end the command as usual: `main` holds signals back for the daemon."""
    import _signal  # type: ignore[import-not-found]

    _signal.signal(_signal.SIGINT, _signal.SIG_DFL)
    _signal.pthread_sigmask(_signal.SIG_UNBLOCK, _signal.valid_signals())


def is_missing(word: str, environ: Mapping[str, str]) -> bool:
    """Returns whether PATH has no program of that name."""
    import os

    folders = environ.get("PATH", os.defpath).split(":")
    return not any(os.access(os.path.join(folder, word), os.X_OK) for folder in folders if folder)


def complain(message: str) -> None:
    """Writes one line to stderr, if possible."""
    from supervice.cli.terminal import complain as write_line

    try:
        write_line(message, "supervice")
        sys.stderr.flush()
    except OSError:
        pass
