"""JSON without importing `json`.

`json` needs `re` and costs a PID 1 about 0.3 MB and every `supervicectl` 4 ms of the 35 it may take. Its two
C functions do all the work; whatever they do not like is given to the real module, which then says what is
wrong. Where they are missing (an interpreter that is not CPython) the real module does everything.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

_SPACE = " \t\r\n"


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def _refuse_object(value: object) -> Any:
    raise TypeError(f"{type(value).__name__} cannot be written as JSON")


class _Context:
    """What the scanner reads from the `JSONDecoder` that it is normally given."""

    strict = True
    object_hook = None
    object_pairs_hook = None
    parse_float = float
    parse_int = int
    parse_constant = staticmethod(_refuse_constant)


_scan: Callable[[str, int], tuple[Any, int]] | None = None
_write: Callable[[Any, int], Any] | None = None
try:
    import _json

    _scan = _json.make_scanner(_Context)  # type: ignore[arg-type]
    _write = _json.make_encoder(
        None, _refuse_object, _json.encode_basestring_ascii, None, ": ", ", ", False, False, False
    )
except (ImportError, AttributeError, TypeError):
    pass


def loads(text: str) -> Any:
    """The value that `text` stands for. ValueError when it is not JSON (NaN and Infinity are not)."""
    if _scan is not None:
        try:
            start = 0
            while text[start] in _SPACE:
                start += 1
            value, end = _scan(text, start)
            if not text[end:].strip(_SPACE):
                return value
        except Exception:
            # Without `json.decoder` loaded the scanner cannot even say what is wrong (SystemError).
            pass
    import json

    try:
        return json.loads(text, parse_constant=_refuse_constant)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def dumps(value: Any) -> str:
    """`value` as one line of ASCII. TypeError or ValueError when it cannot be written as JSON.

    The value must not contain itself (there is no check for that).
    """
    try:
        if _write is not None:
            return "".join(_write(value, 0))
        import json

        return json.dumps(value, allow_nan=False)
    except RecursionError:
        raise ValueError("nested too deeply") from None
