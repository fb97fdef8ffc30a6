"""The command `supervice`: from arguments to an exit code."""

from __future__ import annotations

import os
import sys

from supervice.cli.args import UsageError, parse, usage
from supervice.version import __version__

TYPE_CHECKING = False
if TYPE_CHECKING:
    from supervice.cli.args import Arguments

USAGE = 2


def main() -> None:
    """The console script."""
    sys.exit(run(sys.argv[1:]))


def run(argv: list[str]) -> int:
    """The exit code of `supervice ARGV`."""
    try:
        args = parse(argv, os.environ)
    except UsageError as error:
        return _refuse(f"{error}; see supervice --help")
    if args.get("help"):
        print(usage())
        return 0
    if args.get("version"):
        print(f"supervice {__version__}")
        return 0
    if args.command[:1] == ["check"] and not args.literal:
        from supervice.cli.check import check

        return check(args.command[1:], find_configuration(args))
    if args.command:
        return _refuse(
            f"to run a command ({args.command[0]}) is not there yet: put it into a [program:x] section"
        )
    path = find_configuration(args)
    if path is None:
        return _refuse("there is no configuration; name one with -c FILE (see supervice --help)")
    return serve(path, args)


def find_configuration(args: Arguments) -> str | None:
    """What -c or the environment says, else the first that exists of the known places."""
    named = args.get("configuration")
    if named is not None:
        return None if named == "none" else named
    from supervice.doors.address import CONFIG_PATHS

    return next((path for path in CONFIG_PATHS if os.path.isfile(path)), None)


def serve(path: str, args: Arguments) -> int:
    """Runs the configuration to its end."""
    from supervice.config import ConfigValidationError
    from supervice.core import PidfileInUse, SocketInUse, Supervisor
    from supervice.loop import Loop

    supervisor = Supervisor(daemon=True)
    try:
        supervisor.load_config(path)
        _override(supervisor, args)
    except ConfigValidationError as error:
        for problem in error.problems:
            sys.stderr.write(f"{problem}\n")
        return USAGE
    except OSError as error:
        return _refuse(f"{path}: {error.strerror}")
    except ValueError as error:
        return _refuse(str(error))
    loop = Loop()
    try:
        loop.run_until_complete(supervisor.run())
    except (SocketInUse, PidfileInUse) as error:
        return _refuse(f"{getattr(error, 'strerror', None) or error}; nothing was started")
    return supervisor.exit_code


def _override(supervisor: object, args: Arguments) -> None:
    from supervice import logger
    from supervice.core import Supervisor

    assert isinstance(supervisor, Supervisor)
    config = supervisor.config
    if args.get("logfile") is not None:
        config.logfile = args.values["logfile"]
    if args.get("loglevel") is not None:
        logger.level_number(args.values["loglevel"])
        config.loglevel = args.values["loglevel"]
    if args.get("socket") is not None:
        config.socket_path = args.values["socket"]
    if args.get("shutdown-timeout") is not None:
        try:
            config.shutdown_timeout = float(args.values["shutdown-timeout"])
        except ValueError:
            raise ValueError("--shutdown-timeout takes a number of seconds") from None


def _refuse(message: str) -> int:
    sys.stderr.write(f"supervice: {message}\n")
    return USAGE
