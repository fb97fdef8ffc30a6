"""Makes orphans come to us when we are not PID 1 (`docker run --init`, shareProcessNamespace, a shell).

It also has the calls of the C library for which Python has no function.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    Function = Callable[[str, tuple[int | bytes, ...]], int]

PR_SET_PDEATHSIG = 1
PR_SET_DUMPABLE = 4
PR_SET_CHILD_SUBREAPER = 36


def become_subreaper() -> bool:
    """Returns whether orphaned descendants now become children of this process instead of PID 1's."""
    return prctl(PR_SET_CHILD_SUBREAPER, 1) == 0


_parent_death_signal = 0
_function: Function | None = None  # calls a function of the C library by its name


def set_parent_death_signal(signum: int) -> bool:
    """Returns whether this process now gets `signum` when its parent dies."""
    global _parent_death_signal
    _parent_death_signal = signum
    return prctl(PR_SET_PDEATHSIG, signum) == 0


def stay_dumpable() -> None:
    """Keeps our own files in /proc ours after a change of user, as if we had been started as that user."""
    prctl(PR_SET_DUMPABLE, 1)


def undo_switch() -> None:
    """Restores what the kernel takes away with each change of user, after switching back (prctl(2))."""
    stay_dumpable()
    if _parent_death_signal:
        prctl(PR_SET_PDEATHSIG, _parent_death_signal)


def prctl(option: int, argument: int, third: int = 0) -> int:
    """Calls prctl(2); returns -1 when it cannot be called at all."""
    return _call("prctl", (option, argument, third, 0, 0))


def capset(header: bytes, data: bytes) -> int:
    """Calls capset(2), which Python offers no other way."""
    return _call("capset", (header, data))


def _call(name: str, arguments: tuple[int | bytes, ...]) -> int:
    """Calls a function of the C library; returns -1 when it cannot be called at all."""
    global _function
    if _function is None:  # in the parent: a forked child may have no descriptor left for a search of modules
        _function = _find()
    try:
        return int(_function(name, arguments))
    except (AttributeError, OSError):
        return -1


def _find() -> Function:
    """Returns what calls functions of the C library here."""
    try:
        # The static bundle has the functions in a module of its own, and no dlopen (docs/adr/0020).
        import _supervice

        return lambda name, arguments: getattr(_supervice, name)(*arguments)
    except ImportError:
        pass
    try:
        # `import ctypes` would cost 4 ms and 0.5 MB for this one call; the C module underneath costs a tenth.
        import _ctypes

        call, symbol, library = _ctypes.call_cdeclfunction, _ctypes.dlsym, _ctypes.dlopen(None, 0)  # type: ignore[arg-type]
        symbol(library, "prctl")
        return lambda name, arguments: call(symbol(library, name), arguments)
    except (ImportError, AttributeError, OSError):
        pass
    try:
        import ctypes

        loaded = ctypes.CDLL(None)
        return lambda name, arguments: getattr(loaded, name)(*arguments)
    except (ImportError, OSError):
        return lambda _name, _arguments: -1
