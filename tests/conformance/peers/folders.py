"""s6 and runit: a folder a program, with a script that runs it and one that is run at its end."""

from __future__ import annotations

import os
import time
from pathlib import Path

from tests.conformance.supervisor import Supervisor, executable, shell
from tests.conformance.world import Cannot, Program

ALONE = "alone starts and stops all at once"


class Folders(Supervisor):
    run_as = ""  # the tool that changes the user
    environ = ""  # the tool that reads a folder of variables
    logger = ""
    lacks = {
        "main": "it takes a script of one's own at the end of the program",
        "tries": "it takes a script of one's own at the end of the program",
        "flaps": "it takes a script of one's own at the end of the program",
        "check": "there are no health checks",
        "named": "programs write to its stdout themselves",
        "every": "there are no schedules",
    }

    def command(self, folder: Path, programs: list[Program]) -> list[str]:
        if any(program.needs or program.needs_ready or program.needs_done for program in programs):
            raise Cannot(f"{self.program} {ALONE}")
        for program in programs:
            place = folder / "services" / program.name
            place.mkdir(parents=True, exist_ok=True)
            executable(
                place / "run", f"#!/bin/sh\nexec {self.prefix(folder, program)}{shell(folder, program)}\n"
            )
            if not program.restart:
                executable(place / "finish", self.once(place))
            self.more(place, program)
            if program.log:
                target = (folder / program.log).parent
                target.mkdir(exist_ok=True)
                (place / "log").mkdir(exist_ok=True)
                executable(place / "log" / "run", f"#!/bin/sh\nexec {self.log(target, program)}\n")
        # runsvdir waits for a second when the folder was changed in this one.
        before = int(time.time()) - 100
        os.utime(folder / "services", (before, before))
        return [self.path(), str(folder / "services")]

    def prefix(self, folder: Path, program: Program) -> str:
        words = ""
        if program.environment:
            values = folder / f"{program.name}.env"
            values.mkdir(mode=0o700, exist_ok=True)
            for key, value in program.environment:
                (values / key).write_text(value + "\n")
            words += f"{self.environ} {values} "
        if program.user:
            words += f"{self.run_as} {program.user} "
        return words

    def once(self, place: Path) -> str:
        raise NotImplementedError

    def more(self, place: Path, program: Program) -> None:
        raise NotImplementedError

    def log(self, target: Path, program: Program) -> str:
        raise NotImplementedError

    def misspell(self, folder: Path) -> None:
        raise Cannot("there are no options, files only")


class S6(Folders):
    name = "s6"
    program = "s6-svscan"
    package = "s6"
    run_as = "s6-setuidgid"
    environ = "s6-envdir"

    def once(self, place: Path) -> str:
        return "#!/bin/sh\nexit 125\n"  # s6-supervise takes it for "do not start it again"

    def more(self, place: Path, program: Program) -> None:
        if program.stop_signal:
            (place / "down-signal").write_text(f"SIG{program.stop_signal}\n")
        if program.stop_wait:
            (place / "timeout-kill").write_text(f"{1000 * program.stop_wait}\n")

    def log(self, target: Path, program: Program) -> str:
        return f"s6-log n2 s{max(4096, program.log_max)} {target}"

    def control(self, folder: Path, verb: str, name: str) -> list[str]:
        place = f"{folder}/services/{name}"
        if verb == "status":
            return [self.find("s6-svstat"), place]
        if verb == "reload":
            return [self.find("s6-svscanctl"), "-a", f"{folder}/services"]
        how = {"stop": ("-d", "-wD"), "start": ("-u", "-wu"), "restart": ("-r", "-wr")}[verb]
        return [self.find("s6-svc"), *how, place]


class Runit(Folders):
    name = "runit"
    stop_signal = 1  # the only one on which runsvdir tells its programs to stop
    program = "runsvdir"
    package = "runit"
    run_as = "chpst -u"
    environ = "chpst -e"
    lacks = Folders.lacks | {
        "stop_signal": "it takes a script of one's own in place of the signal",
        "stop_wait": "nothing follows the stop signal, unless an operator says force-stop",
    }

    def once(self, place: Path) -> str:
        return f"#!/bin/sh\nexec sv once {place}\n"

    def more(self, place: Path, program: Program) -> None:
        pass

    def log(self, target: Path, program: Program) -> str:
        (target / "config").write_text(f"s{max(4096, program.log_max)}\nn2\n")
        return f"svlogd {target}"

    def control(self, folder: Path, verb: str, name: str) -> list[str]:
        if verb == "reload":
            return ["true"]  # it looks every five seconds
        return [self.find("sv"), verb, f"{folder}/services/{name}"]
