"""What processes use together: whose is whose, sums with what is unknown, estimates that fit the container."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from supervice.pid1.usage import Usage, _families, _Stat, _sum, fit

MIB = 1024 * 1024


def stat(
    parent: int, session: int = 0, group: int = 0, cpu: tuple[int, int, int, int] = (1, 2, 3, 4)
) -> _Stat:
    return _Stat(
        b"7 (a) b) S %d %d %d 0 -1 4194560 9 9 9 9 %d %d %d %d 20 0 1 0 55" % (parent, group, session, *cpu)
    )


def test_a_name_may_hold_anything() -> None:
    one = _Stat(b"7 (x) S 1 2 3 (y)) R 70 71 72 0 -1 0 0 0 0 0 5 6 7 8 20 0 1 0 55 0")
    assert (one.parent, one.group, one.session, one.cpu) == (70, 71, 72, 26)


def test_whose_process_is_whose() -> None:
    stats = {
        1: stat(0),
        10: stat(1, 10, 10),  # a leader
        11: stat(10, 10, 10),
        12: stat(11, 12, 12),  # it has called setsid, and its parents live
        13: stat(1, 10, 13),  # its parent has ended: its session says it
        14: stat(13, 99, 99),
        15: stat(1, 15, 15),  # no program's any more
        20: stat(1, 20, 20),  # another leader, whose child has the lower number
        9: stat(20, 20, 20),
        21: stat(10, 21, 21),  # a program below a program is its own
        30: stat(31, 0, 0),  # a line of parents that changed while it was read
        31: stat(30, 0, 0),
    }
    assert _families(stats, [10, 20, 21]) == {
        10: 10, 11: 10, 12: 10, 13: 10, 14: 10, 20: 20, 9: 20, 21: 21,
    }  # fmt: skip


def test_what_is_unknown_is_not_nothing() -> None:
    known, unknown = Usage(1, 2.0, 5, True, 3), Usage(1, 1.0, None, False, None)
    assert _sum(known, unknown) == Usage(2, 3.0, None, False, None)
    assert _sum(known, known) == Usage(2, 4.0, 10, True, 6)


USAGES = st.builds(
    Usage,
    memory=st.one_of(st.none(), st.integers(0, 10**12)),
    exact=st.booleans(),
)


@given(st.dictionaries(st.integers(1, 99), USAGES), st.one_of(st.none(), st.integers(0, 10**13)))
def test_estimates_fit_the_container(usages: dict[int, Usage], most: int | None) -> None:
    found = fit(usages, most)
    assert found.keys() == usages.keys()
    exact = sum(u.memory or 0 for u in found.values() if u.exact)
    rough = sum(u.memory or 0 for u in found.values() if not u.exact)
    assert most is None or rough <= max(0, most - exact)
    for pid, usage in found.items():
        assert usage == usages[pid] if usage.exact else (usage.memory or 0) <= (usages[pid].memory or 0)
        assert (usage.memory is None) == (usages[pid].memory is None)


def test_what_fits_stays() -> None:
    usages = {1: Usage(memory=10 * MIB, exact=False), 2: Usage(memory=5 * MIB)}
    assert fit(usages, 20 * MIB) == usages
    assert fit(usages, 10 * MIB)[1].memory == 5 * MIB
