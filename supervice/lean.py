"""Dataclasses without importing `dataclasses`.

`dataclasses` brings `inspect`, `ast`, `dis` and `tokenize` into the process: about 2.8 MB and 7 ms that a
PID 1 pays in every container (docs/adr/0002). To type checkers the names here *are* the standard library's;
at run time they are the small subset that supervice uses: `__init__`, `__repr__`, `__eq__`, defaults,
`default_factory`, `frozen`. `dataclasses.fields()`, `asdict()`, `replace()` and `is_dataclass()` work on
these classes: the real field objects are made when somebody asks for them.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from dataclasses import dataclass as dataclass
    from dataclasses import field as field
    from dataclasses import replace as replace
else:

    class _Missing:
        def __repr__(self):
            return "<factory>"

    _MISSING = _Missing()

    class _Field:
        __slots__ = ("default", "factory")

        def __init__(self, default, factory):
            self.default = default
            self.factory = factory

    def field(*, default=_MISSING, default_factory=_MISSING):
        """Describes one attribute; only the defaults can be given."""
        return _Field(default, default_factory)

    class _LazyFields:
        """Stands for `__dataclass_fields__` until `dataclasses` (or a debugger) wants it."""

        def __init__(self, fields):
            self._fields = fields

        def __get__(self, _instance, owner):
            import dataclasses

            made = dataclasses.make_dataclass(
                owner.__name__,
                [
                    (
                        name,
                        owner.__annotations__[name],
                        dataclasses.field(
                            **{} if f.default is _MISSING else {"default": f.default},
                            **{} if f.factory is _MISSING else {"default_factory": f.factory},
                        ),
                    )
                    for name, f in self._fields.items()
                ],
            )
            fields = made.__dataclass_fields__
            owner.__dataclass_fields__ = fields
            return fields

    def _frozen_setattr(self, name, _value):
        raise AttributeError(f"cannot assign to field {name!r}")

    def _frozen_delattr(self, name):
        raise AttributeError(f"cannot delete field {name!r}")

    def _process(cls, frozen):
        fields = {}
        for name in cls.__annotations__:
            default = cls.__dict__.get(name, _MISSING)
            if isinstance(default, _Field):
                fields[name] = default
                if default.default is _MISSING:
                    delattr(cls, name)
                else:
                    setattr(cls, name, default.default)
            else:
                fields[name] = _Field(default, _MISSING)

        scope = {"_MISSING": _MISSING, "_set": object.__setattr__}
        params, body = [], []
        for name, f in fields.items():
            value = name
            if f.factory is not _MISSING:
                scope[f"_f_{name}"] = f.factory
                params.append(f"{name}=_MISSING")
                value = f"_f_{name}() if {name} is _MISSING else {name}"
            elif f.default is not _MISSING:
                scope[f"_d_{name}"] = f.default
                params.append(f"{name}=_d_{name}")
            else:
                params.append(name)
            body.append(f"_set(self, {name!r}, {value})" if frozen else f"self.{name} = {value}")
        if hasattr(cls, "__post_init__"):
            body.append("self.__post_init__()")
        mine = ", ".join(f"self.{name}" for name in fields)
        other = mine.replace("self.", "other.")
        shown = ", ".join(f"{name}={{self.{name}!r}}" for name in fields)
        source = (
            f"def __init__(self, {', '.join(params)}):\n {'; '.join(body) or 'pass'}\n"
            f"def __repr__(self):\n return f'{{type(self).__qualname__}}({shown})'\n"
            f"def __eq__(self, other):\n"
            f" return ({mine}{',' if mine else ''}) == ({other}{',' if mine else ''})"
            f" if type(other) is type(self) else NotImplemented\n"
            f"def __hash__(self):\n return hash(({mine}{',' if mine else ''}))\n"
        )
        exec(source, scope)
        for name in ("__init__", "__repr__", "__eq__"):
            if name not in cls.__dict__ or name == "__init__":
                setattr(cls, name, scope[name])
        cls.__hash__ = scope["__hash__"] if frozen else None
        if frozen:
            cls.__setattr__ = _frozen_setattr
            cls.__delattr__ = _frozen_delattr
        cls.__match_args__ = tuple(fields)
        cls.__dataclass_fields__ = _LazyFields(fields)
        return cls

    def dataclass(cls=None, /, *, frozen=False):
        """The subset of `dataclasses.dataclass` described at the top of this module."""
        if cls is None:
            return lambda c: _process(c, frozen)
        return _process(cls, frozen)

    def replace(instance, /, **changes):
        """A copy of `instance` with `changes`."""
        # Not by way of __dict__: asking for it makes CPython keep a dict of its own for each instance.
        cls = type(instance)
        values = [changes.pop(n) if n in changes else getattr(instance, n) for n in cls.__match_args__]
        if changes:
            raise TypeError(f"{cls.__name__} has no {', '.join(changes)}")
        return cls(*values)
