"""`signal` and `deque`, from the modules in C under the standard library's.

`signal` and `collections` bring `enum` and `functools` along, 0.7 MB and 7 ms; their halves in C do not
(docs/adr/0017). `builtin.signal` has the same functions, with plain numbers in place of enumeration members.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal as signal
    from collections import deque as deque
else:
    import _signal
    from _collections import deque as deque

    signal = _signal
