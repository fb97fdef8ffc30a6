"""Returns what `check --explain` says as values for JSON."""

from __future__ import annotations

from supervice.cli.explain import (
    at_times,
    by_hand,
    differences,
    program_options,
    programs,
    start_order,
    supervisor_options,
)
from supervice.config.build import section_of
from supervice.config.stop_budget import cut_stops, worst_stop

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    from supervice.cli.explain import Option
    from supervice.config import Loaded


def as_values(loaded: Loaded, path: str) -> dict[str, Any]:
    """Returns every option with the place it comes from, the start order, and how long a stop may take."""
    have = loaded.config.shutdown_timeout
    cut = cut_stops(loaded.processes, have)
    stop = {
        "seconds": worst_stop(loaded.processes),
        "shutdown_timeout": have,
        "drain_delay": loaded.config.drain_delay,
        "fits": not cut,
        "cut": {name: {"wanted": wanted, "gets": gets} for name, (wanted, gets) in cut.items()},
    }
    answer: dict[str, Any] = {
        "file": path,
        "files": loaded.files,
        "dialect": loaded.dialect,
        "settings": _options(supervisor_options(loaded)),
        "programs": [
            {
                "name": config.name,
                "section": section_of(config),
                "processes": [process.name for process in processes],
                "options": _options(program_options(loaded, config)),
            }
            for config, processes in programs(loaded)
        ],
        "start_order": start_order(loaded),
        "by_hand": by_hand(loaded),
        "at_times": at_times(loaded),
        "worst_case_stop": stop,
    }
    if loaded.dialect == "supervisord":
        answer["differences"] = list(differences(loaded))
    return answer


def _options(options: Iterable[Option]) -> dict[str, dict[str, Any]]:
    return {name: {"value": value, "origin": origin} for name, _, value, origin in options}
