"""Makes orphans come to us when we are not PID 1 (`docker run --init`, shareProcessNamespace, a shell)."""

from __future__ import annotations

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36


def become_subreaper() -> bool:
    """Whether orphaned descendants are now re-parented to this process instead of to PID 1."""
    return prctl(PR_SET_CHILD_SUBREAPER, 1) == 0


def set_parent_death_signal(signum: int) -> bool:
    """Whether this process now gets `signum` when its parent dies."""
    return prctl(PR_SET_PDEATHSIG, signum) == 0


def prctl(option: int, argument: int) -> int:
    """prctl(2); -1 where it cannot be called at all."""
    try:
        # `import ctypes` would cost 4 ms and 0.5 MB for this one call; the C module underneath costs a tenth.
        import _ctypes

        library = _ctypes.dlopen(None, 0)  # type: ignore[arg-type]
        return int(_ctypes.call_cdeclfunction(_ctypes.dlsym(library, "prctl"), (option, argument, 0, 0, 0)))
    except (ImportError, AttributeError, OSError):
        pass
    try:
        import ctypes

        return int(ctypes.CDLL(None).prctl(option, argument, 0, 0, 0))
    except (ImportError, AttributeError, OSError):
        return -1
