"""Makes orphans come to us when we are not PID 1 (`docker run --init`, shareProcessNamespace, a shell).

The calls of the C library that Python has no function for are here too.
"""

from __future__ import annotations

PR_SET_PDEATHSIG = 1
PR_SET_DUMPABLE = 4
PR_SET_CHILD_SUBREAPER = 36


def become_subreaper() -> bool:
    """Whether orphaned descendants are now re-parented to this process instead of to PID 1."""
    return prctl(PR_SET_CHILD_SUBREAPER, 1) == 0


_parent_death_signal = 0


def set_parent_death_signal(signum: int) -> bool:
    """Whether this process now gets `signum` when its parent dies."""
    global _parent_death_signal
    _parent_death_signal = signum
    return prctl(PR_SET_PDEATHSIG, signum) == 0


def stay_dumpable() -> None:
    """After a change of user: our own files in /proc stay ours, as when we had been started as that user."""
    prctl(PR_SET_DUMPABLE, 1)


def undo_switch() -> None:
    """After a change of user and back: puts right what the kernel takes away with each (prctl(2))."""
    stay_dumpable()
    if _parent_death_signal:
        prctl(PR_SET_PDEATHSIG, _parent_death_signal)


def prctl(option: int, argument: int, third: int = 0) -> int:
    """prctl(2); -1 where it cannot be called at all."""
    return _call("prctl", (option, argument, third, 0, 0))


def capset(header: bytes, data: bytes) -> int:
    """capset(2), which has no other way in from Python."""
    return _call("capset", (header, data))


def _call(name: str, arguments: tuple[int | bytes, ...]) -> int:
    """A function of the C library; -1 where it cannot be called at all."""
    try:
        # The static bundle has the functions in a module of its own, and no dlopen (docs/adr/0020).
        import _supervice

        return int(getattr(_supervice, name)(*arguments))
    except ImportError:
        pass
    try:
        # `import ctypes` would cost 4 ms and 0.5 MB for this one call; the C module underneath costs a tenth.
        import _ctypes

        library = _ctypes.dlopen(None, 0)  # type: ignore[arg-type]
        return int(_ctypes.call_cdeclfunction(_ctypes.dlsym(library, name), arguments))
    except (ImportError, AttributeError, OSError):
        pass
    try:
        import ctypes

        return int(getattr(ctypes.CDLL(None), name)(*arguments))
    except (ImportError, AttributeError, OSError):
        return -1
