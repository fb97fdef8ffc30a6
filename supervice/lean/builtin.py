"""`signal` and its names, `deque` and heaps, from the C modules under those of the standard library.

`signal` and `collections` import `enum` and `functools`: 0.7 MB and 7 ms; `heapq` has each function in Python
too: 0.1 MB. The C modules do not (docs/adr/0017). `builtin.signal` has the same functions, and plain numbers
in place of enumeration members.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal as signal
    from collections import deque as deque
    from heapq import heapify as heapify
    from heapq import heappop as heappop
    from heapq import heappush as heappush
else:
    import _signal
    from _collections import deque as deque
    from _heapq import heapify as heapify
    from _heapq import heappop as heappop
    from _heapq import heappush as heappush

    signal = _signal


def signal_number(name: str) -> int:
    """Returns 15 for SIGTERM; 0 when no signal has that name. The names are those of `signal.Signals`."""
    named = name[:3] == "SIG" and name[3:4] != "_"
    return vars(signal).get(name, 0) if named else 0


_names: dict[int, str] = {}


def signal_name(number: int) -> str:
    """Returns SIGTERM for 15; "" without a name. Of two names it returns the first: SIGCHLD, not SIGCLD."""
    name = _names.get(number, "")
    if not name:  # a search takes 15 us, and the stop of each program asks twice
        names = [name for name, value in vars(signal).items() if type(value) is int and value == number]
        name = min([name for name in names if name[:3] == "SIG" and name[3] != "_"], default="")
        if name:
            _names[number] = name
    return name
