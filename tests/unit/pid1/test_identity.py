"""Which user an option names: a number that no user has is no reason to fall over its digits."""

from __future__ import annotations

import pytest

from supervice.pid1.identity import resolve


@pytest.mark.parametrize("word", ["²", "٣", "9" * 5000, "9" * 30, str(2**32 - 1), "-1"])
def test_what_no_user_can_be_is_said(word: str) -> None:
    with pytest.raises(LookupError, match="there is no user"):
        resolve(word)
    if word != str(2**32 - 1):
        with pytest.raises(LookupError, match="there is no group"):
            resolve(f"0:{word}")


def test_a_uid_without_an_entry_is_taken() -> None:
    made = resolve("61234:61235")
    assert (made.uid, made.gid, made.groups) == (61234, 61235, ())
