"""A plugin of pytest: only property tests, each with as many examples as it is told, and without a time limit.

`SUPERVICE_TEST_EXAMPLES=20000 python -m pytest -p tests.fuzz.plugin FILE` runs it by hand.
"""

from __future__ import annotations

import os

import pytest
from hypothesis import Phase, is_hypothesis_test, settings

EXAMPLES = "SUPERVICE_TEST_EXAMPLES"
# "0": what is found is shown as it was found, and not made smaller.
SHRINK = "SUPERVICE_TEST_SHRINK"
# What @given leaves on a test, under a name that hypothesis uses for itself.
SETTINGS = "_hypothesis_internal_use_settings"


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    count = int(os.environ.get(EXAMPLES, "1000"))
    kept = [item for item in items if is_hypothesis_test(getattr(item, "obj", None))]
    config.hook.pytest_deselected(items=[item for item in items if item not in kept])
    items[:] = kept
    shrinking = () if os.environ.get(SHRINK) == "0" else (Phase.shrink,)
    phases = (Phase.explicit, Phase.reuse, Phase.generate, *shrinking)
    for item in items:
        function = getattr(item.obj, "__func__", item.obj)  # type: ignore[attr-defined]
        old = getattr(function, SETTINGS)
        setattr(function, SETTINGS, settings(old, max_examples=count, phases=phases, print_blob=True))
        item.add_marker(pytest.mark.timeout(0), append=False)
