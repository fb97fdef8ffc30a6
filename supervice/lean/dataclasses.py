"""The subset of `dataclasses` that supervice uses, without the imports of the standard library's.

`dataclasses` imports `inspect`, `ast`, `dis` and `tokenize`: about 2.8 MB and 7 ms in each container
(docs/adr/0002). To type checkers the names here *are* the standard library's. At run time they implement
`__init__`, `__repr__`, `__eq__`, defaults, `default_factory`, `frozen` and `slots`. `dataclasses.fields()`,
`asdict()`, `replace()` and `is_dataclass()` work on these classes: the real field objects are made at their
first use.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from dataclasses import dataclass as dataclass
    from dataclasses import field as field
    from dataclasses import replace as replace
else:
    from _collections import _tuplegetter

    class _Missing:
        def __repr__(self):
            return "<factory>"

    _MISSING = _Missing()
    _new = object.__new__
    _new_tuple = tuple.__new__
    _set_field = object.__setattr__

    class _Field:
        __slots__ = ("default", "factory")

        def __init__(self, default, factory):
            self.default = default
            self.factory = factory

    def field(*, default=_MISSING, default_factory=_MISSING):
        """Describes one attribute; takes its default only."""
        return _Field(default, default_factory)

    class _LazyFields:
        """Stands for `__dataclass_fields__` until `dataclasses` (or a debugger) reads it."""

        __slots__ = ("_defaults", "_made")

        def __init__(self, defaults, made):
            self._defaults = defaults
            self._made = made

        def __get__(self, _instance, owner):
            import dataclasses

            fields = []
            for name, default in zip(owner.__match_args__, self._defaults, strict=True):
                kind = "default_factory" if name in self._made else "default"
                field = dataclasses.field(**{} if default is _MISSING else {kind: default})
                fields.append((name, owner.__annotations__[name], field))
            real = dataclasses.make_dataclass(owner.__name__, fields)
            owner.__dataclass_fields__ = real.__dataclass_fields__
            return real.__dataclass_fields__

    def _make_init(cls, names, defaults, made):
        count = len(names)
        set_field = object.__setattr__
        after = cls.__dict__.get("__post_init__")

        def __init__(self, *args, **kwargs):
            given = len(args)
            if given > count:
                raise TypeError(f"{cls.__name__} takes {count} values at most, not {given}")
            for name, value in zip(names, args, strict=False):
                set_field(self, name, value)
            for index in range(given, count):
                name = names[index]
                if name in kwargs:
                    value = kwargs.pop(name)
                else:
                    value = defaults[index]
                    if value is _MISSING:
                        raise TypeError(f"{cls.__name__} needs {name!r}")
                    if name in made:
                        value = value()
                set_field(self, name, value)
            if kwargs:
                raise TypeError(f"{cls.__name__} has no {', '.join(kwargs)} (or it was given twice)")
            if after is not None:
                after(self)

        return __init__

    def _values(self):
        return tuple([getattr(self, name) for name in self.__match_args__])

    def _repr(self):
        shown = ", ".join(f"{name}={getattr(self, name)!r}" for name in self.__match_args__)
        return f"{type(self).__qualname__}({shown})"

    def _eq(self, other):
        return _values(self) == _values(other) if type(other) is type(self) else NotImplemented

    def _same(self, other):
        return type(other) is type(self) and tuple.__eq__(self, other)

    def _other(self, other):
        return type(other) is not type(self) or tuple.__ne__(self, other)

    def _make_new(names, defaults, made):
        count = len(names)
        least = count if made else sum(default is _MISSING for default in defaults)

        def __new__(cls, *args, **kwargs):
            if not kwargs and least <= len(args) < count:
                args += defaults[len(args) :]
            elif kwargs or len(args) != count:
                if len(args) > count:
                    raise TypeError(f"{cls.__name__} takes {count} values at most, not {len(args)}")
                values = list(args)
                for name, default in zip(names[len(args) :], defaults[len(args) :], strict=True):
                    if name in kwargs:
                        default = kwargs.pop(name)
                    elif default is _MISSING:
                        raise TypeError(f"{cls.__name__} needs {name!r}")
                    elif name in made:
                        default = default()
                    values.append(default)
                if kwargs:
                    raise TypeError(f"{cls.__name__} has no {', '.join(kwargs)} (or it was given twice)")
                args = values
            return _new_tuple(cls, args)

        return __new__

    def _freeze(cls, names, defaults, made):
        """Makes `cls` a tuple with names, which C code makes and copies in a third of the time."""
        body = {
            key: value
            for key, value in vars(cls).items()
            if key not in names and key not in ("__dict__", "__weakref__")
        }
        body.update({name: _tuplegetter(place, name) for place, name in enumerate(names)})
        body["__slots__"] = ()
        body["__new__"] = _make_new(names, defaults, made)
        body["__getnewargs__"] = _values  # copy and pickle
        body.setdefault("__repr__", _repr)
        if "__eq__" not in body:
            body.update(__eq__=_same, __ne__=_other)
        body["__hash__"] = tuple.__hash__
        body["__bool__"] = _true  # also without any field
        return type(cls.__name__, (tuple,), body)

    def _slotted(cls, names):
        """Makes `cls` one whose instances have a place for each name and no dict; `vars()` works as ever."""
        body = {key: value for key, value in vars(cls).items() if key not in (*names, "__weakref__")}
        body["__slots__"] = (*names, "__weakref__")
        body["__dict__"] = property(lambda self: dict(zip(names, _values(self), strict=True)))
        return type(cls.__name__, cls.__bases__, body)

    def _true(_self):
        return True

    def _process(cls, frozen, slots):
        names = tuple(cls.__annotations__)
        defaults = []
        made = []
        for name in names:
            default = cls.__dict__.get(name, _MISSING)
            if isinstance(default, _Field):
                if default.default is _MISSING:
                    delattr(cls, name)
                    made.append(name)
                    default = default.factory
                else:
                    default = default.default
                    setattr(cls, name, default)
            defaults.append(default)
        # Generic functions, not generated source: compiling it took 4 ms of each start.
        defaults = tuple(defaults)
        made = frozenset(made)
        if frozen:
            cls = _freeze(cls, names, defaults, made)
        else:
            cls = _slotted(cls, names) if slots else cls
            cls.__init__ = _make_init(cls, names, defaults, made)
            cls.__repr__ = cls.__dict__.get("__repr__", _repr)
            cls.__eq__ = cls.__dict__.get("__eq__", _eq)
            cls.__hash__ = None
        cls.__match_args__ = names
        cls.__dataclass_fields__ = _LazyFields(defaults, made)
        return cls

    def dataclass(cls=None, /, *, frozen=False, slots=False):
        """Makes `cls` a dataclass, within the subset that the module's docstring describes."""
        if cls is None:
            return lambda c: _process(c, frozen, slots)
        return _process(cls, frozen, slots)

    def replace(instance, /, **changes):
        """Returns a copy of `instance` with `changes`."""
        # Not by __dict__: CPython would keep a dict for each instance from its first use on.
        # Nor by __init__: each change of state makes some copies, and this halves their cost.
        cls = type(instance)
        if isinstance(instance, tuple):  # a frozen one
            values = list(instance)
            place_of = cls.__match_args__.index
            try:
                for name, value in changes.items():
                    values[place_of(name)] = value
            except ValueError:
                raise TypeError(f"{cls.__name__} has no {name}") from None
            return _new_tuple(cls, values)
        copy = _new(cls)
        for name in cls.__match_args__:
            _set_field(copy, name, changes.pop(name) if name in changes else getattr(instance, name))
        if changes:
            raise TypeError(f"{cls.__name__} has no {', '.join(changes)}")
        after = cls.__dict__.get("__post_init__")
        if after is not None:
            after(copy)
        return copy
