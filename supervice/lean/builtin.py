"""`signal` and `deque`, from the C modules under those of the standard library.

`signal` and `collections` import `enum` and `functools`: 0.7 MB and 7 ms. The C modules do not
(docs/adr/0017). `builtin.signal` has the same functions, and plain numbers in place of enumeration members.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal as signal
    from collections import deque as deque
else:
    import _signal
    from _collections import deque as deque

    signal = _signal
