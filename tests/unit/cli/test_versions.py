"""`supervice --version -v` of a pip installation."""

from __future__ import annotations

import platform
from importlib import metadata

from supervice.cli.versions import versions


def test_it_names_the_interpreter_and_each_library_with_its_version() -> None:
    rows = {line.split()[0]: line.split()[1:] for line in versions().splitlines()}
    assert rows["CPython"] == [platform.python_version()]
    for library in ("click", "cronsim", "h11"):
        assert rows[library] == [metadata.version(library)]
    assert {"zlib", "expat"} <= set(rows)
