"""`supervice.lean.dataclasses`: frozen values are tuples with names, and one sees nothing of it."""

from __future__ import annotations

import copy
import dataclasses
import pickle
import weakref

import pytest

from supervice.lean.dataclasses import dataclass, field, replace


@dataclass(frozen=True)
class Point:
    x: int
    y: int = 2
    tags: tuple[str, ...] = ()

    @property
    def sum(self) -> int:
        return self.x + self.y


@dataclass(frozen=True)
class Place:
    x: int
    y: int = 2
    tags: tuple[str, ...] = ()


@dataclass(frozen=True)
class Nothing:
    pass


@dataclass(frozen=True)
class Bag:
    things: list[int] = field(default_factory=list)
    name: str = "bag"


@dataclass(slots=True)
class Slotted:
    """Has a place for each value."""

    name: str
    size: int = 2
    things: list[int] = field(default_factory=list)

    @property
    def double(self) -> int:
        return 2 * self.size


def test_values_by_place_by_name_and_by_default() -> None:
    assert (Point(1).x, Point(1).y, Point(1).tags) == (1, 2, ())
    assert Point(1, 3) == Point(x=1, y=3) == Point(1, y=3, tags=())
    assert Point(1, tags=("a",)).tags == ("a",)
    assert Point(1, 5).sum == 6
    assert repr(Point(1)) == "Point(x=1, y=2, tags=())"


@pytest.mark.parametrize(
    ("args", "kwargs"), [((), {}), ((1, 2, (), 4), {}), ((1,), {"x": 2}), ((1,), {"z": 2})]
)
def test_wrong_values_are_refused(args: tuple[int, ...], kwargs: dict[str, int]) -> None:
    with pytest.raises(TypeError):
        Point(*args, **kwargs)  # type: ignore[arg-type]


def test_equal_is_what_has_the_same_type_and_values() -> None:
    one: object = Point(1)
    assert one == Point(1)
    assert hash(one) == hash(Point(1))
    for other in (Point(2), Place(1), (1, 2, ())):
        assert one != other
        assert other != one
        assert (one == other) is (other == one) is False


def test_a_value_without_fields_is_still_something() -> None:
    assert Nothing()
    assert Nothing() == Nothing()


def test_what_is_frozen_cannot_be_changed() -> None:
    with pytest.raises(AttributeError):
        Point(1).x = 2  # type: ignore[misc]
    with pytest.raises(AttributeError):
        del Point(1).x
    with pytest.raises(AttributeError):
        Point(1).other = 2  # type: ignore[attr-defined]


def test_a_factory_makes_a_new_value_each_time() -> None:
    assert Bag().things == []
    assert Bag().things is not Bag().things
    assert Bag([1]).name == "bag"
    assert Bag(name="b").things == []


def test_a_copy_with_changes() -> None:
    one = Point(1)
    assert replace(one, y=5) == Point(1, 5)
    assert one == Point(1)
    assert replace(one) == one
    with pytest.raises(TypeError):
        replace(one, z=1)  # type: ignore[call-arg]  # it is the mistake


def test_the_standard_library_takes_them_for_its_own() -> None:
    one = Point(1, tags=("a",))
    assert dataclasses.is_dataclass(one)
    assert [f.name for f in dataclasses.fields(one)] == ["x", "y", "tags"]
    assert dataclasses.asdict(one) == {"x": 1, "y": 2, "tags": ("a",)}
    assert dataclasses.replace(one, x=4) == Point(4, tags=("a",))
    assert copy.copy(one) == copy.deepcopy(one) == pickle.loads(pickle.dumps(one)) == one
    match one:
        case Point(x, y):
            assert (x, y) == (1, 2)


def test_with_slots_it_is_as_without_them_but_for_names_that_it_has_not() -> None:
    one = Slotted("a", things=[1])
    assert (one.name, one.size, one.things, one.double) == ("a", 2, [1], 4)
    one.size = 3
    assert repr(one) == "Slotted(name='a', size=3, things=[1])"
    assert one == Slotted("a", 3, [1]) != Slotted("a")
    assert vars(one) == dataclasses.asdict(one) == {"name": "a", "size": 3, "things": [1]}
    assert copy.copy(one) == copy.deepcopy(one) == pickle.loads(pickle.dumps(one)) == replace(one) == one
    assert copy.deepcopy(one).things is not one.things is replace(one, size=1).things
    assert dataclasses.replace(one, size=1) == Slotted("a", 1, [1])
    assert weakref.ref(one)() is one
    assert (Slotted.__doc__, Slotted.__module__) == ("Has a place for each value.", __name__)
    with pytest.raises(AttributeError):
        one.other = 1  # type: ignore[attr-defined]
    with pytest.raises(TypeError):
        Slotted()  # type: ignore[call-arg]
