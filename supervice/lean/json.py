"""JSON without importing `json`.

`json` imports `re`: about 0.3 MB in PID 1, and 4 of the 35 ms that `supervicectl` may take. Its two C
functions do all the work here. What they refuse goes to the real module, which explains what is wrong; where
they do not exist (an interpreter other than CPython) the real module does everything.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

PIECE = 32  # elements of a long list that are encoded at a time
_SPACE = " \t\r\n"


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def _refuse_object(value: object) -> Any:
    raise TypeError(f"{type(value).__name__} cannot be written as JSON")


class _Context:
    """The attributes that the scanner reads of the `JSONDecoder` that it is normally given."""

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
    """Returns the value of a JSON text. ValueError when it is not JSON; NaN and Infinity are not."""
    if _scan is not None:
        try:
            start = 0
            while text[start] in _SPACE:
                start += 1
            value, end = _scan(text, start)
            if not text[end:].strip(_SPACE):
                return value
        except Exception:
            # Without `json.decoder` the scanner cannot raise its own error: SystemError.
            pass
    import json

    try:
        return json.loads(text, parse_constant=_refuse_constant)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def dumps(value: Any) -> str:
    """Returns `value` as one line of ASCII. TypeError or ValueError when it cannot be written as JSON.

    The value must not contain itself: there is no check for that.
    """
    if isinstance(value, dict) and any(isinstance(v, list) and len(v) > PIECE for v in value.values()):
        return "{" + ", ".join([f"{_key(key)}: {_in_pieces(item)}" for key, item in value.items()]) + "}"
    return _dumps(value)


def _key(key: object) -> str:
    return _dumps({key: 0})[1:-4]  # as `json` writes keys that are no strings


def _in_pieces(value: Any) -> str:
    # The encoder makes a list of tiny strings first: 1.7 MB for the status of 1,000 programs, which the
    # process never gives back.
    if not isinstance(value, list):
        return _dumps(value)
    pieces = [_dumps(value[i : i + PIECE])[1:-1] for i in range(0, len(value), PIECE)]
    return "[" + ", ".join(pieces) + "]"


def _dumps(value: Any) -> str:
    try:
        if _write is not None:
            return "".join(_write(value, 0))
        import json

        return json.dumps(value, allow_nan=False)
    except RecursionError:
        raise ValueError("nested too deeply") from None
