"""The command `supervice`: from its arguments to an exit code."""

from __future__ import annotations

import sys

# No further imports here: until `main` has blocked signals, the time that imports take is time in which
# signals are lost.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from supervice.cli.args import Arguments
    from supervice.config import ConfigValidationError
    from supervice.core import Supervisor

USAGE = 2
# `check` and its misspellings: where a program of that name exists, it is run instead.
CHECKS = ("check", "chek", "chck", "chekc", "cehck", "hceck", "ceck", "checks", "validate", "lint")
# Verbs of supervicectl that no image has as programs.
VERBS = frozenset(
    ("status", "logs", "restart", "stop", "start", "reload", "why", "events", "health", "shutdown")
)
# Seconds without running that are worth a line in the log.
FREEZE = 2.0


def main() -> None:
    """Runs the console script; never returns."""
    # Until there are handlers: PID 1 loses a signal without one, any other process would end half started.
    import _signal  # type: ignore[import-not-found]  # built in; typeshed knows only `signal` above it

    _signal.pthread_sigmask(_signal.SIG_BLOCK, _signal.valid_signals())
    import os

    code = run(sys.argv[1:])
    for stream in (sys.stdout, sys.stderr):
        try:
            if stream is not None:  # started with them closed
                stream.flush()
        except OSError:
            code = code or 1
    # Everything is closed and written. Taking the interpreter down would add 3 to 5 ms to a container's stop.
    os._exit(code)


def run(argv: list[str]) -> int:
    """Runs `supervice ARGV`; returns the exit code."""
    import os

    from supervice.cli.args import UsageError, parse
    from supervice.pid1.own_process import open_standard_streams

    open_standard_streams()
    try:
        args = parse(argv, os.environ)
        word = args.command[0] if args.command and not args.literal else ""
        if args.get("help") or args.get("version") or word in CHECKS or word in VERBS:
            from supervice.cli.short_commands import is_missing, run_short

            code = run_short(args, find_configuration(args))
            if code is not None:
                return code
            if is_missing(word, os.environ):
                instead = f"supervicectl {word}" if word in VERBS else "supervice check FILE"
                raise UsageError(f"there is no program {word!r}; write {instead}")
        return _run(args)
    except UsageError as error:
        return _refuse(f"{error}; see supervice --help")


def _run(args: Arguments) -> int:
    path = find_configuration(args)
    if path is None and not args.command:
        return _refuse(
            "nothing to run: there is no configuration and no COMMAND; write one to ./supervice.conf "
            "([program:web], below it command = ...) or name it with -c FILE; see supervice --help"
        )
    if path is None:
        return _single(args)
    from supervice.lean.enumeration import use_light

    use_light()
    from supervice.config import ConfigValidationError as Invalid
    from supervice.core import Supervisor

    supervisor = Supervisor(daemon=True)
    try:
        _override(supervisor, args)
        supervisor.load_config(path)
        if args.command:
            if not supervisor.processes:  # an image's empty default configuration is none
                return _single(args)
            supervisor.set_command(args.command)
    except Invalid as error:
        return _refuse_configuration(path, error)
    except OSError as error:
        return _refuse(f"{path}: {error.strerror}; name one that exists with -c FILE")
    except ValueError as error:
        return _refuse(str(error))
    return _serve(supervisor)


def find_configuration(args: Arguments) -> str | None:
    """Returns what -c or the environment names, else the first existing file of the known places."""
    named = args.get("configuration")
    if named is not None:
        return None if named == "none" else named
    import os

    from supervice.control.address import CONFIG_PATHS

    return next((path for path in CONFIG_PATHS if os.path.isfile(path)), None)


def _serve(supervisor: Supervisor) -> int:
    """Runs the configuration to its end."""
    from supervice.core import CannotSwitch, PidfileInUse, SocketInUse
    from supervice.lean.loop import Loop

    loop = Loop()
    loop.on_frozen = _say_frozen
    loop.on_error = _say_unexpected
    try:
        loop.run_until_complete(supervisor.run())
    except (SocketInUse, PidfileInUse, CannotSwitch) as error:
        words = f"{getattr(error, 'strerror', None) or error}; nothing was started"
        return _refuse(words, supervisor.config.termination_log)
    return supervisor.exit_code


def _say_frozen(seconds: float) -> None:
    if seconds >= FREEZE:
        from supervice import logger

        logger.warning(
            f"supervice did not run for {seconds:.0f} s (frozen, suspended or short of CPU time); "
            "timers that expired meanwhile start anew"
        )


def _say_unexpected(error: BaseException) -> None:
    """Logs it, which neither waits for a reader nor fails with it, as writing to stderr may."""
    from supervice import logger

    logger.error(f"unexpected {type(error).__name__}: {error}")


def _single(args: Arguments) -> int:
    """Runs single-command mode."""
    import os

    from supervice.cli.single_options import single_options, unknown_variables
    from supervice.lean.loop import Loop
    from supervice.pid1.single_command import SingleCommand

    options = single_options(args)
    for warning in unknown_variables(os.environ):
        if sys.stderr is not None:
            sys.stderr.write(f"supervice: {warning}\n")
    single = SingleCommand(Loop(), args.command, options)
    code = single.run()
    if single.problem:
        _leave_note(f"{single.problem}; exit code {code}")
    return code


def _override(supervisor: Supervisor, args: Arguments) -> None:
    from supervice import logger
    from supervice.cli.args import seconds

    for option, setting in (("logfile", "logfile"), ("loglevel", "loglevel"), ("socket", "socket_path")):
        if args.get(option) is not None:
            supervisor.source.overrides[setting] = args.values[option]
    if args.get("loglevel") is not None:
        logger.level_number(args.values["loglevel"])
    timeout = seconds(args, "shutdown-timeout")
    if timeout is not None:
        supervisor.source.overrides["shutdown_timeout"] = timeout


def _refuse_configuration(path: str, error: ConfigValidationError) -> int:
    """Reports each problem on a line of its own, then how many there are."""
    from supervice.lean.text import clean

    lines = [clean(problem) for problem in error.problems] or str(error).split("\n")
    for line in lines:
        sys.stderr.write(f"{line}\n")
    count = f"{len(lines)} error{'' if len(lines) == 1 else 's'}"
    advice = f"{count}, nothing was started; to look at it again: supervice check {clean(path)}"
    sys.stderr.write(f"supervice: {advice}\n")
    _leave_note("\n".join([f"{advice}; exit code {USAGE}", *lines]))
    return USAGE


def _refuse(message: str, note: str | None = None) -> int:
    """Reports why nothing runs. `note` is the path of the termination message; None: not known yet."""
    if sys.stderr is not None:
        sys.stderr.write(f"supervice: {message}\n")
    _leave_note(f"{message}; exit code {USAGE}", note)
    return USAGE


def _leave_note(text: str, path: str | None = None) -> None:
    """Writes the termination message where the environment or the orchestrator wants it."""
    import os

    from supervice.cli.args import TERMINATION_LOG
    from supervice.fs.termination_message import write_message

    problem = write_message(path or os.environ.get(TERMINATION_LOG), f"{text}\n".encode(errors="replace"))
    if problem and sys.stderr is not None:
        sys.stderr.write(f"supervice: no termination message: {problem}\n")
