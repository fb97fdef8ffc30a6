"""Which of its mutants a function is at this moment. The files that `make` writes import it."""

from __future__ import annotations

from functools import wraps

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    Function = Callable[..., Any]

MutantDict = dict
ORIGINAL = "_mutmut_orig"

chosen = ""  # the mutant, as `module.name`; "" for none
reached: set[str] = set()  # the functions that were called, as `module.name` of their original


def switched(mutants: dict[str, Function], is_classmethod: bool = False) -> Callable[[Function], Function]:
    """A decorator; `mutants` is filled after it was called."""

    def decorate(function: Function) -> Function:
        module = function.__module__

        @wraps(function)
        def call(*args: Any, **kwargs: Any) -> Any:
            original = mutants[ORIGINAL]
            reached.add(f"{module}.{original.__name__}")
            place, _, name = chosen.rpartition(".")
            one = mutants.get(name, original) if place == module else original
            if is_classmethod:
                return getattr(args[0], one.__name__)(*args[1:], **kwargs)
            return one(*args, **kwargs)

        return call

    return decorate
