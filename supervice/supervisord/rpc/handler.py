"""Serves XML-RPC over HTTP: POST /RPC2, and the namespace `system` over a table of methods.

The table decides what the methods do. A call that waits holds up only its own connection.
"""

from __future__ import annotations

from supervice.http.messages import Response, text
from supervice.supervisord.rpc.codec import (
    Encoded,
    Fault,
    Malformed,
    encode,
    fault_response,
    parse_call,
    response,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping
    from typing import Any

    from supervice.http.messages import Request
    from supervice.lean.loop import EventLoop

MOST_REPLY = 16 * 1024 * 1024  # bytes of a multicall's answer
TURN = 0.005  # seconds of a multicall, then others have theirs
_KIND = {"Content-Type": "text/xml"}

_CHECKS: dict[str, Callable[[Any], bool]] = {
    "string": lambda value: isinstance(value, str),
    "int": lambda value: isinstance(value, int) and not isinstance(value, bool),
    "boolean": lambda value: isinstance(value, int),
    "array": lambda value: isinstance(value, list),
    "any": lambda value: True,
}


class Method:
    """`call(*params)` returns a value, or an awaitable of one, or raises Fault.

    `kinds`: the types of the result and of the parameters, in XML-RPC's words; the last `optional` parameters
    may be left out.
    """

    __slots__ = ("call", "help", "kinds", "optional")

    def __init__(self, call: Callable[..., Any], kinds: str, help: str, optional: int = 0) -> None:
        self.call = call
        self.kinds = kinds.split()
        self.help = help
        self.optional = optional

    def check(self, params: list[Any]) -> None:
        kinds = self.kinds[1:]
        if not len(kinds) - self.optional <= len(params) <= len(kinds):
            raise Fault("INCORRECT_PARAMETERS")
        for kind, value in zip(kinds, params, strict=False):
            if not _CHECKS[kind](value):
                raise Fault("INCORRECT_PARAMETERS")


class XmlRpcHandler:
    """Handles requests of an HttpServer with `handle`.

    `methods` are looked up by their full names (`supervisor.getState`).
    """

    def __init__(
        self, loop: EventLoop, methods: Mapping[str, Method], log: Callable[[str], object] | None = None
    ) -> None:
        self._loop = loop
        self._log = log
        self._methods: dict[str, Method] = {
            **methods,
            "system.listMethods": Method(self._list_methods, "array", "The names of all methods."),
            "system.methodHelp": Method(self._help, "string string", "What a method is for."),
            "system.methodSignature": Method(
                self._signature, "array string", "The types of a method's result and of its parameters."
            ),
            "system.multicall": Method(
                self._multicall,
                "array array",
                "Calls several methods, one after the other: [{methodName, params}].",
            ),
        }

    def handle(self, request: Request) -> Response | Awaitable[Response]:
        if request.method != "POST":
            return text(405, "XML-RPC is POST", {"Allow": "POST"})
        try:
            name, params = parse_call(request.body)
        except Malformed as error:
            return text(400, f"this is no XML-RPC call: {error}")
        try:
            value = self._call(name, params)
        except Fault as fault:
            return Response(200, fault_response(fault), dict(_KIND))
        if hasattr(value, "__await__"):
            return self._later(value)
        return Response(200, response(value), dict(_KIND))

    async def _later(self, value: Awaitable[Any]) -> Response:
        try:
            body = response(await value)
        except Fault as fault:
            body = fault_response(fault)
        return Response(200, body, dict(_KIND))

    def _call(self, name: str, params: list[Any]) -> Any:
        method = self._methods.get(name)
        if method is None:
            raise Fault("UNKNOWN_METHOD")
        method.check(params)
        try:
            value = method.call(*params)
        except Fault:
            raise
        except Exception as error:
            raise self._unexpected(name, error) from None
        return self._awaited(name, value) if hasattr(value, "__await__") else value

    async def _awaited(self, name: str, value: Awaitable[Any]) -> Any:
        try:
            return await value
        except Fault:
            raise
        except Exception as error:
            raise self._unexpected(name, error) from None

    def _unexpected(self, name: str, error: Exception) -> Fault:
        words = f"unexpected {type(error).__name__}: {error}"
        if self._log is not None:
            self._log(f"xml-rpc: {name}: {words}")
        return Fault("FAILED", words)

    # system -------------------------------------------------------------------------------------------

    def _list_methods(self) -> list[str]:
        return sorted(self._methods)

    def _named(self, name: str) -> Method:
        method = self._methods.get(name)
        if method is None:
            raise Fault("SIGNATURE_UNSUPPORTED")
        return method

    def _help(self, name: str) -> str:
        return self._named(name).help

    def _signature(self, name: str) -> list[str]:
        return ["string" if kind == "any" else kind for kind in self._named(name).kinds]

    async def _multicall(self, calls: list[Any]) -> list[Encoded]:
        results: list[Encoded] = []
        size = 0
        began = self._loop.time()
        for call in calls:
            if self._loop.time() - began > TURN:
                turn = self._loop.create_future()
                self._loop.call_soon(turn.set_result, None)
                await turn
                began = self._loop.time()
            # As supervisord does: the bare result, or a struct with the fault.
            try:
                value = await self._one_of_many(call)
            except Fault as fault:
                value = {"faultCode": fault.code, "faultString": fault.text}
            xml = encode(value)
            size += len(xml)
            if size > MOST_REPLY:
                raise Fault("FAILED", f"the answers are more than {MOST_REPLY} bytes")
            results.append(Encoded(xml))
        return results

    async def _one_of_many(self, call: Any) -> Any:
        name = call.get("methodName") if isinstance(call, dict) else None
        params = call.get("params", []) if isinstance(call, dict) else None
        if not isinstance(name, str):
            raise Fault("INCORRECT_PARAMETERS", "No methodName")
        if name == "system.multicall":
            raise Fault("INCORRECT_PARAMETERS", "Recursive system.multicall forbidden")
        if not isinstance(params, list):
            raise Fault("INCORRECT_PARAMETERS")
        value = self._call(name, params)
        return await value if hasattr(value, "__await__") else value
