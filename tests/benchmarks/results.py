"""What was measured: values of a row for a peer, or why there are none."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median


@dataclass
class Results:
    values: dict[str, dict[str, list[float]]] = field(default_factory=dict)
    failures: dict[str, str] = field(default_factory=dict)
    facts: dict[str, str] = field(default_factory=dict)

    def add(self, row: str, peer: str, *values: float) -> None:
        self.values.setdefault(row, {}).setdefault(peer, []).extend(values)

    def median(self, row: str, peer: str) -> float | None:
        found = self.values.get(row, {}).get(peer)
        return median(found) if found else None

    def save(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(self.__dict__, indent=1))

    def load(self, path: Path) -> None:
        """Adds what another run measured; its rows give way to what is measured now."""
        for name, value in json.loads(path.read_text()).items():
            getattr(self, name).update(value)

    def forget(self, groups: list[str]) -> None:
        """Drops the rows of these groups, which are measured anew."""
        self.values = {
            row: found for row, found in self.values.items() if row.partition(".")[0] not in groups
        }
        self.failures = {
            what: why for what, why in self.failures.items() if what.partition(" ")[0] not in groups
        }
