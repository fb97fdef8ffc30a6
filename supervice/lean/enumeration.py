"""`Enum` and `auto`: the standard library's, or in the daemon's own process a light equivalent.

`enum` imports `functools`, `collections`, `operator`, `types` and `reprlib`: 0.8 MB and 3 ms in each
container, for two enumerations that exist for users of the Python API (docs/adr/0017). The command
`supervice` has no such users; it calls `use_light` before anything imports `models` or `events`.
"""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from enum import Enum as Enum
    from enum import auto as auto
    from typing import Any

_light = False


def use_light() -> None:
    """Makes the names in this module the light ones, unless `enum` is loaded already."""
    global _light
    _light = "enum" not in sys.modules


def __getattr__(name: str) -> Any:
    if name not in ("Enum", "auto"):
        raise AttributeError(name)
    if _light:
        return _Enum if name == "Enum" else _Auto
    import enum

    return getattr(enum, name)


class _Auto:
    """Stands for the value after that of the previous member."""


class _Meta(type):
    """Turns what the body of a class assigns into its members."""

    _members: dict[str, Any]

    def __new__(meta, name: str, bases: tuple[type, ...], body: dict[str, Any]) -> _Meta:
        values = {key: value for key, value in body.items() if key[0] != "_"} if bases else {}
        made = super().__new__(meta, name, bases, {k: v for k, v in body.items() if k not in values})
        made._members = {}
        last: Any = 0
        for key, value in values.items():
            last = last + 1 if isinstance(value, _Auto) else value
            member: Any = object.__new__(made)  # type: ignore[arg-type]
            member.__dict__.update(name=key, value=last)
            made._members[key] = member
            type.__setattr__(made, key, member)
        return made

    def __call__(cls, value: Any) -> Any:
        for member in cls._members.values():
            if member is value or member.value == value:
                return member
        raise ValueError(f"{value!r} is not a valid {cls.__qualname__}")

    def __getitem__(cls, name: str) -> Any:
        return cls._members[name]

    def __iter__(cls) -> Iterator[Any]:
        return iter(cls._members.values())

    def __len__(cls) -> int:
        return len(cls._members)

    def __contains__(cls, value: object) -> bool:
        return any(member is value or member.value == value for member in cls)

    @property
    def __members__(cls) -> dict[str, Any]:
        return dict(cls._members)


class _Enum(metaclass=_Meta):
    """What a member can do."""

    name: str
    value: Any

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"members cannot be changed: {name}")

    def __repr__(self) -> str:
        return f"<{self}: {self.value!r}>"

    def __str__(self) -> str:
        return f"{type(self).__name__}.{self.name}"

    def __hash__(self) -> int:
        return hash(self.name)
