"""Encodes XML-RPC: a call from bytes, values and faults to bytes. Never runs anything.

`xmlrpc.client` would cost 4 MB of memory in PID 1; expat, which it uses too, costs 50 kB (ADR 0011). Document
types, and with them entities, are refused; depth is limited here, size by the HTTP server.
"""

from __future__ import annotations

import binascii
import pyexpat

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

# supervisord's fault codes (supervisor.xmlrpc.Faults, 4.3.0).
FAULTS = {
    "UNKNOWN_METHOD": 1,
    "INCORRECT_PARAMETERS": 2,
    "BAD_ARGUMENTS": 3,
    "SIGNATURE_UNSUPPORTED": 4,
    "SHUTDOWN_STATE": 6,
    "BAD_NAME": 10,
    "BAD_SIGNAL": 11,
    "NO_FILE": 20,
    "NOT_EXECUTABLE": 21,
    "FAILED": 30,
    "ABNORMAL_TERMINATION": 40,
    "SPAWN_ERROR": 50,
    "ALREADY_STARTED": 60,
    "NOT_RUNNING": 70,
    "SUCCESS": 80,
    "ALREADY_ADDED": 90,
    "STILL_RUNNING": 91,
    "CANT_REREAD": 92,
}
DEEPEST = 32  # arrays and structs inside each other

# Which element may stand in which.
_PARENTS = {
    "methodCall": ("",),
    "methodName": ("methodCall",),
    "params": ("methodCall",),
    "param": ("params",),
    "value": ("param", "data", "member"),
    "array": ("value",),
    "data": ("array",),
    "struct": ("value",),
    "member": ("struct",),
    "name": ("member",),
}
_SCALARS = ("int", "i4", "i8", "boolean", "string", "double", "dateTime.iso8601", "base64", "nil")


class Fault(Exception):
    """An error answer. `name` is one of FAULTS, `text` what clients show."""

    def __init__(self, name: str, more: str = "") -> None:
        self.name = name
        self.code = FAULTS[name]
        self.text = f"{name}: {more}" if more else name
        super().__init__(self.text)


class Malformed(ValueError):
    """These bytes are no XML-RPC call."""


class Encoded:
    """A value that is XML already."""

    __slots__ = ("xml",)

    def __init__(self, xml: str) -> None:
        self.xml = xml


def parse_call(data: bytes) -> tuple[str, list[Any]]:
    """Returns the method's name and its parameters. Malformed."""
    reader = _Reader()
    parser = pyexpat.ParserCreate(None, None)
    parser.buffer_text = True
    parser.StartDoctypeDeclHandler = _refuse_doctype
    parser.StartElementHandler = reader.start
    parser.EndElementHandler = reader.end
    parser.CharacterDataHandler = reader.text.append
    try:
        parser.Parse(data, True)
    except Malformed:
        raise
    except (pyexpat.ExpatError, ValueError, LookupError, OverflowError) as error:
        raise Malformed(str(error)) from None
    if not reader.method:
        raise Malformed("no method name")
    return reader.method, reader.params


def _refuse_doctype(*_: object) -> None:
    raise Malformed("document types are not read")


class _Reader:
    """The handlers that expat calls. `_open` are the open elements, `_frames` the values being read."""

    def __init__(self) -> None:
        self.method = ""
        self.params: list[Any] = []
        self.text: list[str] = []
        self._open = [""]
        self._frames: list[_Frame] = []
        self._param_filled = False

    def start(self, name: str, _attributes: object) -> None:
        parent = self._open[-1]
        if name in _SCALARS:
            if parent != "value":
                raise Malformed(f"{name} in {parent or 'no element'}")
        elif parent not in _PARENTS.get(name, ()):
            raise Malformed(f"{name[:40]} in {parent or 'no element'}")
        if parent == "value":
            frame = self._frames[-1]
            if frame.typed:
                raise Malformed("two values in one")
            frame.typed = True
            if name == "array":
                frame.result = []
            elif name == "struct":
                frame.result = {}
        elif name == "value":
            if parent != "data":
                self._take_place(parent)
            if len(self._frames) >= DEEPEST:
                raise Malformed(f"more than {DEEPEST} levels")
            self._frames.append(_Frame())
        elif name == "member":
            self._frames[-1].member = None
            self._frames[-1].filled = False
        elif name == "param":
            self._param_filled = False
        self._open.append(name)
        self.text.clear()

    def _take_place(self, parent: str) -> None:
        """Checks that a param and a member hold one value."""
        if parent == "param":
            if self._param_filled:
                raise Malformed("two values in one param")
            self._param_filled = True
        else:
            if self._frames[-1].filled:
                raise Malformed("two values in one member")
            self._frames[-1].filled = True

    def end(self, name: str) -> None:
        self._open.pop()
        text = "".join(self.text)
        self.text.clear()
        if name in _SCALARS:
            self._frames[-1].result = _scalar(name, text)
        elif name == "value":
            frame = self._frames.pop()
            self._deliver(frame.result if frame.typed else text)
        elif name == "name":
            self._frames[-1].member = text
        elif name == "member" and not self._frames[-1].filled:
            raise Malformed("a member without a value")
        elif name == "param" and not self._param_filled:
            raise Malformed("a param without a value")
        elif name == "methodName":
            self.method = text.strip()

    def _deliver(self, value: Any) -> None:
        where = self._open[-1]
        if where == "param":
            self.params.append(value)
            return
        frame = self._frames[-1]
        if where == "data":
            frame.result.append(value)
        elif frame.member is None:
            raise Malformed("a member without a name")
        else:
            frame.result[frame.member] = value


class _Frame:
    __slots__ = ("filled", "member", "result", "typed")

    def __init__(self) -> None:
        self.typed = False
        self.result: Any = None
        self.member: str | None = None
        self.filled = False


def _scalar(kind: str, text: str) -> Any:
    if kind == "string":
        return text
    text = text.strip()
    if kind in ("int", "i4", "i8"):
        digits = text[1:] if text[:1] in ("-", "+") else text
        if not (digits.isascii() and digits.isdigit()) or len(digits) > 19:
            raise Malformed(f"{text[:40]!r} is no number")
        return int(text)
    if kind == "boolean":
        if text not in ("0", "1"):
            raise Malformed(f"{text[:40]!r} is no boolean")
        return text == "1"
    if kind == "double":
        return float(text)
    if kind == "base64":
        return binascii.a2b_base64("".join(text.split()).encode("ascii"), strict_mode=True).decode("utf-8")
    return None if kind == "nil" else text


# -- out -------------------------------------------------------------------------------------------------

# XML cannot hold control characters, such as the escape sequences of coloured logs; a literal carriage return
# would arrive as a newline.
_SAFE: dict[int, str] = {
    **dict.fromkeys([*range(9), 11, 12, *range(14, 32), 0xFFFE, 0xFFFF], "\ufffd"),
    13: "&#13;",
    38: "&amp;",
    60: "&lt;",
    62: "&gt;",
}


def response(value: Any) -> bytes:
    """Returns a result as a whole document."""
    body = f"<params>\n<param>\n{encode(value)}\n</param>\n</params>"
    return _document(body)


def fault_response(fault: Fault) -> bytes:
    return _document(f"<fault>\n{encode({'faultCode': fault.code, 'faultString': fault.text})}\n</fault>")


def _document(body: str) -> bytes:
    text = f"<?xml version='1.0'?>\n<methodResponse>\n{body}\n</methodResponse>\n"
    return text.encode("utf-8", "replace")


def encode(value: Any) -> str:
    """Returns `<value>...</value>`. TypeError for a type that XML-RPC does not have."""
    parts: list[str] = []
    _encode(value, parts.append)
    return "".join(parts)


def _encode(value: Any, put: Any) -> None:
    if isinstance(value, Encoded):
        put(value.xml)
    elif isinstance(value, bool):
        put(f"<value><boolean>{int(value)}</boolean></value>")
    elif isinstance(value, int):
        kind = "int" if -(2**31) <= value < 2**31 else "i8"
        put(f"<value><{kind}>{value}</{kind}></value>")
    elif isinstance(value, float):
        put(f"<value><double>{value!r}</double></value>")
    elif isinstance(value, bytes | bytearray):
        put(f"<value><string>{value.decode('utf-8', 'replace').translate(_SAFE)}</string></value>")
    elif isinstance(value, str):
        put(f"<value><string>{value.translate(_SAFE)}</string></value>")
    elif value is None:
        put("<value><nil/></value>")
    elif isinstance(value, dict):
        put("<value><struct>")
        for name, member in value.items():
            put(f"<member><name>{str(name).translate(_SAFE)}</name>")
            _encode(member, put)
            put("</member>")
        put("</struct></value>")
    elif isinstance(value, list | tuple):
        put("<value><array><data>")
        for item in value:
            _encode(item, put)
        put("</data></array></value>")
    else:
        raise TypeError(f"XML-RPC has no {type(value).__name__}")
