"""Decides about a watched program: when a change acts, and when it does not.

`decide(state, event, rules)` returns the next state and the effects to perform, in order. It reads no clock
and no file: times are monotonic seconds, and the findings of a look come in. A change acts after `delay`
seconds of quiet, at the latest after ten delays. With a check, it acts only after the check has passed and
nothing changed meanwhile; a change that was refused waits for the next one. Five actions in a minute suspend
the watch.
"""

from __future__ import annotations

from supervice.lean.dataclasses import replace
from supervice.watch.states import (
    ACTING,
    CHECKED,
    CHECKING,
    PENDING,
    WATCHING,
    Accept,
    Act,
    Acted,
    Check,
    Checked,
    Held,
    Log,
    Looked,
    Resumed,
    Started,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, Final

    from supervice.watch.states import Effect, Event, Rules, State, Step

# A change acts after so many delays at the latest.
MOST_DELAYS: Final = 10
# So many actions in so many seconds suspend the watch.
MOST_ACTIONS: Final = 5
WINDOW: Final = 60.0
# The most names in a log line.
_MOST_NAMES: Final = 5


def decide(state: State, event: Event, rules: Rules) -> tuple[State, list[Effect]]:
    """Returns the next state, and the effects that make it true."""
    handle: Callable[[State, Any, Rules], Step] = _HANDLERS[type(event)]
    state, effects = handle(replace(state, at=event.at), event, rules)
    return state, effects


def wake(state: State, rules: Rules) -> float | None:
    """Returns the seconds from the last event to the next look; None: no look is needed."""
    if state.held or state.suspended or state.phase in (CHECKING, ACTING):
        return None
    if state.phase == CHECKED:
        return 0.0
    if state.phase == PENDING:
        return min(rules.interval, max(0.0, _due(state, rules) - state.at))
    return rules.interval


def _due(state: State, rules: Rules) -> float:
    return min(state.last + rules.delay, state.first + rules.delay * MOST_DELAYS)


def _looked(state: State, event: Looked, rules: Rules) -> Step:
    if state.held or state.suspended or state.phase in (CHECKING, ACTING):
        return state, []
    if not event.changed:  # nothing did, or it was taken back
        return replace(state, phase=WATCHING, refused=False), []
    if state.phase == CHECKED:
        if not event.moved:
            return _act(state, event.changed)
        state = replace(state, phase=WATCHING)
    if state.phase == WATCHING:
        if state.refused and not event.moved:
            return state, []
        state = replace(state, phase=PENDING, first=event.at, last=event.at, refused=False)
    elif event.moved:
        state = replace(state, last=event.at)
    if event.at < _due(state, rules):
        return state, []
    if rules.has_check:
        return replace(state, phase=CHECKING), [Check()]
    return _act(state, event.changed)


def _act(state: State, changed: tuple[str, ...]) -> Step:
    recent = tuple(at for at in state.actions if state.at - at < WINDOW)
    names = tuple(dict.fromkeys((*state.names, *changed))) if recent else changed
    state = replace(state, phase=ACTING, actions=(*recent, state.at), names=names)
    effects: list[Effect] = [Accept(), Act(f"{_listed(changed)} changed")]
    if len(state.actions) >= MOST_ACTIONS:
        state = replace(state, suspended=True)
        many = f"{len(state.actions)} actions in {WINDOW:.0f} s"
        effects.append(
            Log(
                "warning",
                f"watch: {many}; suspended until the next start or reload (changed: {_listed(names)});"
                " write watch_ignore for what the program itself writes",
            )
        )
    return state, effects


def _checked(state: State, event: Checked, rules: Rules) -> Step:
    if state.phase != CHECKING:
        return state, []
    if state.held:
        return replace(state, phase=WATCHING), []
    if event.ok:
        return replace(state, phase=CHECKED), []
    said: list[Effect] = [
        Log("warning", f"watch: the check failed ({event.reason}): no {rules.action} until the next change")
    ]
    said += [Log("warning", f"watch: {line}") for line in event.lines]
    return replace(state, phase=WATCHING, refused=True), said


def _acted(state: State, _event: Acted, _rules: Rules) -> Step:
    return (replace(state, phase=WATCHING), []) if state.phase == ACTING else (state, [])


def _started(state: State, _event: Started, _rules: Rules) -> Step:
    """Accepts earlier changes, which the program will read; during a restart of ours they count, once."""
    if state.phase == ACTING:
        return state, []
    return replace(state, phase=_idle(state), refused=False), [Accept()]


def _held(state: State, _event: Held, _rules: Rules) -> Step:
    return replace(state, held=True, phase=_idle(state), refused=False), []


def _resumed(state: State, _event: Resumed, _rules: Rules) -> Step:
    state = replace(state, held=False, suspended=False, phase=_idle(state))
    return replace(state, actions=(), names=(), refused=False), []


def _idle(state: State) -> str:
    """Returns the phase of a watch that only awaits the end of what it has begun."""
    return state.phase if state.phase in (CHECKING, ACTING) else WATCHING


def _listed(names: tuple[str, ...]) -> str:
    shown = ", ".join(names[:_MOST_NAMES])
    more = len(names) - _MOST_NAMES
    return f"{shown} and {more} more" if more > 0 else shown


_HANDLERS: dict[type, Callable[[State, Any, Rules], Step]] = {
    Started: _started,
    Looked: _looked,
    Checked: _checked,
    Acted: _acted,
    Held: _held,
    Resumed: _resumed,
}
