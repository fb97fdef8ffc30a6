"""Tells what will happen next to a process by itself, and when: for `status`, `why` and the log."""

from __future__ import annotations

from supervice.lifecycle.states import BACKOFF, PRE_STOP, RESTING, STARTING, STOPPING, UNHEALTHY, spell
from supervice.pid1.signals import name as signal_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from supervice.process import Process
    from supervice.runner.waiting import StartQueue

# The most processes that a line names.
MOST = 5


def next_step(process: Process, queue: StartQueue | None) -> str:
    """Returns what happens next by itself, in words; "" when nothing is due."""
    waiting = queue.waiting_for(process) if queue is not None else []
    if waiting:
        return f"starts as soon as {' and '.join(_condition(word) for word in waiting)}"
    if process.obstacle:
        return f"starts as soon as {process.obstacle.removesuffix(' does not answer yet')} answers"
    if queue is not None and process.state in RESTING and queue.is_waiting(process):
        return "starts in its turn"
    handle = _STEPS.get(process.state)
    return handle(process) if handle is not None else ""


def _condition(word: str) -> str:
    name, _, condition = word.rpartition(":")
    return f"{name} is {_CONDITIONS.get(condition, condition)}" if name else word


_CONDITIONS = {"started": "up", "completed": "done"}


def _backoff(process: Process) -> str:
    snapshot, most = process.snapshot, process.policy.startretries
    seconds = spell(process.timer_left)
    if snapshot.shortages:
        return f"next try in {seconds}"
    if snapshot.failures:
        nth = snapshot.failures
    elif snapshot.trigger.startswith("exit"):  # it was up, and ended soon after a restart
        return f"retry {max(snapshot.quick_deaths - 1, 1)} in {seconds}"
    else:
        nth = snapshot.health_restarts
    return f"retry {nth} of {most} in {seconds}" if most >= 0 else f"retry {nth} in {seconds}"


def _starting(process: Process) -> str:
    left, policy = process.timer_left, process.policy
    if process.pid is None or policy.oneshot:
        return ""
    if process.snapshot.started:
        return f"has to become ready within {spell(left)}, else its start has failed" if left else ""
    return f"startsecs are over in {spell(left)}"


def _stopping(process: Process) -> str:
    snapshot, policy = process.snapshot, process.policy
    assert snapshot.stop is not None
    step, left = snapshot.stop.step, spell(process.timer_left)
    if step == PRE_STOP:
        text = f"its pre_stop command runs; the stop signal follows within {left}"
    elif step >= len(policy.stop_ladder):
        text = "SIGKILL was sent"
    else:
        following = policy.stop_ladder[step + 1][0] if step + 1 < len(policy.stop_ladder) else 9
        text = f"{signal_name(following)} in {left}"
    return f"{text}; then it starts again" if snapshot.should_run else text


def _unhealthy(process: Process) -> str:
    if process.policy.health_restarts:
        return ""
    return "runs on, because healthcheck_action is none"


_STEPS = {BACKOFF: _backoff, STARTING: _starting, STOPPING: _stopping, UNHEALTHY: _unhealthy}


def waiting_line(missing: Sequence[Process], queue: StartQueue | None) -> str:
    """Returns the line about processes that are still awaited, and how long that may take."""
    words = [_words(process, queue) for process in missing[:MOST]]
    if len(missing) > MOST:
        words.append(f"and {len(missing) - MOST} more")
    return f"waiting for {', '.join(words)}"


def _words(process: Process, queue: StartQueue | None) -> str:
    child = process.process
    lives = process.pid is not None and (child is None or child.returncode is None)
    pid = f", pid {process.pid}" if lives else ""
    following = next_step(process, queue)
    return f"{process.config.name} ({process.state}{pid}{f'; {following}' if following else ''})"
