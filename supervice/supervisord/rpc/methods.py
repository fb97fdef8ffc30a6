"""The namespace `supervisor` of supervisord's XML-RPC interface: a table from names to methods.

Every method but `sendRemoteCommEvent` is refused with SHUTDOWN_STATE once the end has begun.
"""

from __future__ import annotations

import os

from supervice import logger
from supervice.lifecycle.exit_policy import Verdict
from supervice.lifecycle.states import STOPPING
from supervice.models import group_of, member_of
from supervice.supervisord.rpc import logs
from supervice.supervisord.rpc.actions import Actions
from supervice.supervisord.rpc.codec import FAULTS, Fault
from supervice.supervisord.rpc.daemon_log import DaemonLog
from supervice.supervisord.rpc.groups import Groups
from supervice.supervisord.rpc.handler import Method
from supervice.supervisord.rpc.info import every, find_one, log_path, process_info

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from supervice.lean.loop import AnyFuture, EventLoop
    from supervice.process import Process
    from supervice.supervisord.interface import Daemon

API_VERSION = "3.0"
# The supervisord whose interface this is. Clients compare it, so it has the form of a supervisor version.
SUPERVISORD_VERSION = "4.3.0"


class Interface:
    """supervisord's methods on the daemon; `methods` is the table."""

    def __init__(self, daemon: Daemon, loop: EventLoop, daemon_log: DaemonLog) -> None:
        self._daemon = daemon
        self._table = daemon.table
        self._loop = loop
        self._daemon_log = daemon_log
        self._actions = Actions(daemon)
        self._groups = Groups(daemon)
        self._restart: AnyFuture | None = None

    def methods(self) -> dict[str, Method]:
        table = {**self._about_the_daemon(), **self._about_processes(), **self._about_logs()}
        for old, new in _OLD_NAMES.items():
            table[old] = table[new]
        return {f"supervisor.{name}": method for name, method in table.items()}

    def _method(self, call: Callable[..., Any], kinds: str, help: str, optional: int = 0) -> Method:
        def guarded(*params: Any) -> Any:
            if self._daemon.termination.stopping:
                raise Fault("SHUTDOWN_STATE")
            return call(*params)

        return Method(guarded, kinds, help, optional)

    def _about_the_daemon(self) -> dict[str, Method]:
        method = self._method
        return {
            "getAPIVersion": method(lambda: API_VERSION, "string", "The version of this interface."),
            "getSupervisorVersion": method(
                lambda: SUPERVISORD_VERSION, "string", "The version of supervisord that this interface is of."
            ),
            "getIdentification": method(
                lambda: self._daemon.config.identifier, "string", "The option identifier."
            ),
            "getState": method(self._get_state, "struct", "{statecode, statename} of the daemon."),
            "getPID": method(os.getpid, "int", "The daemon's pid."),
            "shutdown": method(self._shutdown, "boolean", "Stops all processes and ends the daemon."),
            "restart": method(
                self._restart_all,
                "boolean",
                "Stops all processes, applies the configuration and starts what is to be started.",
            ),
            "reloadConfig": method(
                self._groups.reread,
                "array",
                "Reads the configuration; [[added, changed, removed]] names groups. Nothing is changed.",
            ),
            "addProcessGroup": method(
                self._groups.add, "boolean string", "Supervises a group of the configuration read last."
            ),
            "removeProcessGroup": method(
                self._groups.remove, "boolean string", "Ends the supervision of a stopped group."
            ),
            # allowed at any time
            "sendRemoteCommEvent": Method(
                self._remote_comm, "boolean string string", "Publishes an event with a type and data."
            ),
        }

    def _about_processes(self) -> dict[str, Method]:
        method, actions = self._method, self._actions
        wait = "waits until that is so unless the last parameter is false."
        return {
            "startProcess": method(actions.start, "boolean string boolean", f"Starts a process; {wait}", 1),
            "startProcessGroup": method(
                actions.start_group, "array string boolean", f"Starts a group; {wait}", 1
            ),
            "startAllProcesses": method(actions.start_all, "array boolean", f"Starts everything; {wait}", 1),
            "stopProcess": method(actions.stop, "boolean string boolean", f"Stops a process; {wait}", 1),
            "stopProcessGroup": method(
                actions.stop_group, "array string boolean", f"Stops a group; {wait}", 1
            ),
            "stopAllProcesses": method(actions.stop_all, "array boolean", f"Stops everything; {wait}", 1),
            "signalProcess": method(actions.signal, "boolean string any", "Sends a signal to a process."),
            "signalProcessGroup": method(actions.signal_group, "array string any", "Signals a whole group."),
            "signalAllProcesses": method(actions.signal_all, "array any", "Signals all processes."),
            "getAllConfigInfo": method(
                self._groups.configs, "array", "All processes of the configuration that was read last."
            ),
            "getProcessInfo": method(
                lambda name: process_info(self._daemon.startup, find_one(self._table, name)),
                "struct string",
                "Everything about one process.",
            ),
            "getAllProcessInfo": method(self._all_infos, "array", "Everything about all processes."),
            "sendProcessStdin": method(
                self._send_stdin, "boolean string string", "Writes to the standard input of a process."
            ),
        }

    def _about_logs(self) -> dict[str, Method]:
        method = self._method
        table = {
            "readLog": method(
                lambda offset, length: logs.read(self._daemon_log.text(), offset, length),
                "string int int",
                "A part of the daemon's log; a negative offset counts from its end.",
            ),
            "clearLog": method(self._clear_log, "boolean", "Empties the daemon's log."),
            "clearProcessLogs": method(self._clear, "boolean string", "Empties the logs of a process."),
            "clearAllProcessLogs": method(self._clear_all, "array", "Empties the logs of all processes."),
        }
        for stream in logs.STREAMS:
            table[f"readProcess{stream.title()}Log"] = method(
                lambda name, offset, length, stream=stream: self._read(name, stream, offset, length),
                "string string int int",
                f"A part of what a process has said on {stream}; a negative offset counts from the end.",
            )
            table[f"tailProcess{stream.title()}Log"] = method(
                lambda name, offset, length, stream=stream: list(
                    logs.tail(self._text(name, stream), offset, length)
                ),
                "array string int int",
                f"[what a process has said on {stream} since an offset, the next offset, overflow].",
            )
        return table

    # -- the daemon --------------------------------------------------------------------------------------

    def _get_state(self) -> dict[str, Any]:
        restarting = self._restart is not None and not self._restart.done()
        return {"statecode": 0 if restarting else 1, "statename": "RESTARTING" if restarting else "RUNNING"}

    def _shutdown(self) -> bool:
        self._daemon.termination.request(Verdict(0, "shutdown was asked for"))
        return True

    def _restart_all(self) -> bool:
        """Restarts all programs: supervisord restarts itself, but a PID 1 has to stay."""
        try:
            self._daemon.source.read()
        except (OSError, ValueError) as error:  # with supervisord, this would have been the end of everything
            raise Fault("CANT_REREAD", str(error)) from None
        if self._restart is None or self._restart.done():
            self._restart = self._loop.create_task(self._stop_reload_start())
        return True

    async def _stop_reload_start(self) -> None:
        daemon = self._daemon
        logger.info("restarting all processes")
        if daemon.live.extensions is not None:
            daemon.live.extensions.stopping()
        await self._actions.stop_everything([p for p in every(self._table) if p.foreground is None])
        if daemon.termination.stopping:
            return
        try:
            await daemon.reload()
        except (OSError, ValueError) as error:
            logger.error(f"the configuration stays as it was: {error}")
        if daemon.termination.stopping:
            return
        if daemon.live.extensions is not None:
            daemon.live.extensions.running()
        daemon.startup.request(daemon.startup.first(), "operator: restart (XML-RPC)")

    def _remote_comm(self, kind: str, data: str) -> bool:
        extensions = self._daemon.live.extensions
        if extensions is not None:
            extensions.remote_communication(kind, data)
        return True

    # -- processes ---------------------------------------------------------------------------------------

    def _all_infos(self) -> list[dict[str, Any]]:
        processes = sorted(
            self._table.processes.values(), key=lambda p: (group_of(p.config), member_of(p.config))
        )
        return [process_info(self._daemon.startup, process) for process in processes]

    def _send_stdin(self, name: str, chars: str) -> bool:
        process = find_one(self._table, name)
        if process.pid is None or process.state == STOPPING:
            raise Fault("NOT_RUNNING", name)
        launcher = self._table.launcher
        pipe = None if launcher is None else launcher.pipes.get(process.config.name)
        try:
            if pipe is None:
                raise BrokenPipeError
            pipe.write(chars.encode("utf-8", "surrogateescape"))
        except BrokenPipeError:
            raise Fault("NO_FILE", name) from None
        except BlockingIOError:
            raise Fault("FAILED", f"{name}: does not read its standard input") from None
        return True

    # -- logs --------------------------------------------------------------------------------------------

    def _text(self, name: str, stream: str) -> logs.Text | None:
        return logs.text_of(find_one(self._table, name), stream)

    def _read(self, name: str, stream: str, offset: int, length: int) -> bytes:
        process = find_one(self._table, name)
        path = getattr(process.config, f"{stream}_logfile")
        return logs.read(logs.text_of(process, stream), offset, length, log_path(path))

    def _clear_log(self) -> bool:
        self._daemon_log.clear()
        return True

    def _clear(self, name: str) -> bool:
        self._clear_logs(find_one(self._table, name), name)
        return True

    def _clear_logs(self, process: Process, name: str) -> None:
        config = process.config
        for path in {log_path(config.stdout_logfile), log_path(config.stderr_logfile)} - {""}:
            try:
                self._daemon.live.empty_log(path)
            except OSError:
                raise Fault("FAILED", name) from None
        if process.output is not None:
            process.output.clear()

    def _clear_all(self) -> list[dict[str, Any]]:
        rows = []
        for process in every(self._table):
            name, group = member_of(process.config), group_of(process.config)
            row = {"name": name, "group": group, "status": FAULTS["SUCCESS"], "description": "OK"}
            try:
                self._clear_logs(process, f"{group}:{name}")
            except Fault as fault:
                row.update(status=fault.code, description=fault.text)
            rows.append(row)
        return rows


_OLD_NAMES = {
    "getVersion": "getAPIVersion",
    "readMainLog": "readLog",
    "readProcessLog": "readProcessStdoutLog",
    "tailProcessLog": "tailProcessStdoutLog",
    "clearProcessLog": "clearProcessLogs",
}
