"""The text of `supervicectl schedule` and of the schedules in `supervice check`. Pure."""

from __future__ import annotations

from supervice.control.render import clean

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def schedule_text(reply: dict[str, Any]) -> str:
    """Returns a few lines for each program with a schedule."""
    rows = [row for row in reply.get("schedules", ()) if isinstance(row, dict)]
    if not rows:
        return "No program has a schedule\n"
    return "".join(f"{line}\n" for row in rows for line in _lines(row))


def _lines(row: dict[str, Any]) -> list[str]:
    name = clean(row.get("name", "?"))
    jitter = row.get("jitter")
    zone = clean(row.get("timezone", "")) + (f", {jitter:g} s later" if jitter else "")
    lines = []
    written, words = row.get("schedule", ()), row.get("words", ())
    for text, said in zip(written, words, strict=False):
        lines.append(f"{name}: {clean(said)} ({clean(text)}), {zone}")
    lines.append(f"  {clean(row.get('text') or 'runs no more')}")
    following = row.get("next_local") or ()
    if len(following) > 1:
        lines.append(f"  then {', '.join(clean(time) for time in following[1:])}")
    facts = [_last(row)]
    if row.get("running"):
        facts.insert(0, "runs now")
    facts += [f"{row[key]} {key}" for key in ("skipped", "missed") if row.get(key)]
    lines.append("  " + "; ".join(fact for fact in facts if fact))
    return lines


def _last(row: dict[str, Any]) -> str:
    success, failure = row.get("last_success"), row.get("last_failure")
    if not success and not failure:
        return "has not run yet"
    parts = []
    if success:
        parts.append(f"last success {clean(success)}")
    if failure:
        why = f" ({clean(row['reason'])})" if row.get("reason") else ""
        parts.append(f"last failure {clean(failure)}{why}")
    if row.get("last_seconds") is not None:
        parts.append(f"took {row['last_seconds']:.1f} s")
    return ", ".join(parts)
