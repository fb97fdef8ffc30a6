"""Whether a series of measurements grows. Values in, sentences out."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median


@dataclass(frozen=True)
class Limit:
    """A series may be higher at the end than after warm-up by `absolute`, or by `share` of itself."""

    absolute: float
    share: float = 0.0


@dataclass(frozen=True)
class Trend:
    early: float
    late: float
    slope: float  # of a second
    span: float  # seconds
    grows: bool


def theil_sen(points: Sequence[tuple[float, float]]) -> float:
    """The median of the slopes between all pairs: a few outliers do not move it."""
    slopes = [(y2 - y1) / (x2 - x1) for (x1, y1), (x2, y2) in itertools.combinations(points, 2) if x2 > x1]
    return median(slopes) if slopes else 0.0


def trend(points: Sequence[tuple[float, float]], limit: Limit, warm_up: float = 1 / 3) -> Trend:
    """What follows the warm-up (a share of the time): its first third against its last third, and its slope.

    Growth is what both say: a step at one end is not enough, nor is a slope that leads nowhere.
    """
    if len(points) < 6:
        raise ValueError(f"{len(points)} measurements are too few to tell growth from noise")
    begin, end = points[0][0], points[-1][0]
    after = [point for point in points if point[0] >= begin + (end - begin) * warm_up]
    third = max(2, len(after) // 3)
    early = median(value for _when, value in after[:third])
    late = median(value for _when, value in after[-third:])
    span = after[-1][0] - after[0][0]
    slope = theil_sen(after)
    allowed = max(limit.absolute, limit.share * early)
    return Trend(early, late, slope, span, late - early > allowed and slope * span > allowed)


def persisting(samples: Sequence[set[int]]) -> set[int]:
    """Who is in two samples in a row (zombies: a moment of being one is no fault)."""
    return {one for before, now in itertools.pairwise(samples) for one in before & now}
