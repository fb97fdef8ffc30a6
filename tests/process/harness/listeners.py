"""What the listener of tests/programs wrote down of the events that it was told."""

from __future__ import annotations

from pathlib import Path

from tests.eventually import eventually
from tests.paths import PROGRAMS

LISTENER = PROGRAMS / "listener.py"


def told(file: Path) -> list[tuple[dict[str, str], str]]:
    """The events in the file: words of the header, payload."""
    found = []
    for line in file.read_text().splitlines() if file.exists() else ():
        words = line.split(" ", 7)
        found.append((dict(word.split(":", 1) for word in words[:7]), words[7]))
    return found


def names(file: Path) -> list[str]:
    return [header["eventname"] for header, _ in told(file)]


def payloads(file: Path, event: str) -> list[str]:
    return [payload for header, payload in told(file) if header["eventname"] == event]


def wait_for(file: Path, event: str, count: int = 1, timeout: float = 15) -> list[str]:
    def there() -> list[str] | None:
        found = payloads(file, event)
        return found if len(found) >= count else None

    return eventually(there, timeout, message=f"{count} {event}: {told(file)}") or []
