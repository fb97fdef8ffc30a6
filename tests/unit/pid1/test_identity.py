"""Which user an option names: a number that no user has is no reason to fall over its digits."""

from __future__ import annotations

import pytest

from supervice.pid1.identity import resolve


@pytest.mark.parametrize(
    "word", ["²", "٣", "9" * 5000, "9" * 30, "9" * 11, str(2**32), str(2**32 - 1), "-1", "a\0b", "\ud800"]
)
def test_what_no_user_can_be_is_said(word: str) -> None:
    with pytest.raises(LookupError, match="there is no user"):
        resolve(word)
    for user in ("0", "61234"):
        with pytest.raises(LookupError, match="there is no group"):
            resolve(f"{user}:{word}")


def test_a_uid_without_an_entry_is_taken() -> None:
    made = resolve("61234:61235")
    assert (made.uid, made.gid, made.groups) == (61234, 61235, ())
