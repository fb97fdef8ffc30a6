"""Variables from files and from our own environment."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supervice.runner import environment


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", {}),
        ("A=1\nB=2", {"A": "1", "B": "2"}),
        ("# A=1\n  # B=2\n\nC=3\n", {"C": "3"}),
        (
            "export A=1\nexport\tB=2\nexported=3\nexport=4\n",
            {"A": "1", "B": "2", "exported": "3", "export": "4"},
        ),
        ("A=1\nA=2\n", {"A": "2"}),
        ("A=\n", {"A": ""}),
        ("A = b c \r\n", {"A": "b c"}),
        ('A="b c "\nB=\' d\'\nC=""\n', {"A": "b c ", "B": " d", "C": ""}),
        ("A=\"it's\"\nB='\nC=\"x'\n", {"A": "it's", "B": "'", "C": "\"x'"}),
        ("A=b # no comment\n", {"A": "b # no comment"}),
        ("A=a=b\n", {"A": "a=b"}),
        (r'A="$HOME \n ${B} `c` %(x)s"', {"A": r"$HOME \n ${B} `c` %(x)s"}),
        ("\ufeffA=1\n", {"A": "1"}),
        ("A=x\x0by\u2028z\n", {"A": "x\x0by\u2028z"}),
    ],
)
def test_lines_of_an_env_file(text: str, expected: dict[str, str]) -> None:
    assert environment.parse(text) == expected


@pytest.mark.parametrize("line", ["hunter2", "=hunter2", "a b=hunter2", "A=hunter2\0", "export b c=hunter2"])
def test_a_bad_line_is_named_by_its_number_and_not_repeated(line: str) -> None:
    with pytest.raises(ValueError, match="line 2 ") as caught:
        environment.parse(f"A=1\n{line}\n")
    assert "hunter2" not in str(caught.value)


@given(
    st.dictionaries(
        st.from_regex("[A-Za-z_]{1,5}", fullmatch=True), st.text(st.characters(exclude_characters="\n\0"))
    )
)
def test_what_is_quoted_arrives(values: dict[str, str]) -> None:
    text = "".join(f"{key}='{value}'\n" for key, value in values.items())
    assert environment.parse(text) == values


def test_later_files_win_and_a_secret_loses_one_newline(tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    one.write_text("A=1\nB=1\n")
    two.write_text("B=2\n")
    assert environment.from_files([str(one), str(two)]) == {"A": "1", "B": "2"}
    secret = tmp_path / "secret"
    secret.write_bytes(b" \xff\n\n")
    assert os.fsencode(environment.from_secrets({"S": str(secret)})["S"]) == b" \xff\n"


def test_what_cannot_be_read_says_which_file_and_never_what_is_in_it(tmp_path: Path) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    nul = tmp_path / "nul"
    nul.write_text("hunter2\0")
    big = tmp_path / "big"
    big.write_bytes(b"x" * (environment.BIGGEST + 1))
    for path, why in (
        (tmp_path / "none", "No such file or directory"),
        (tmp_path, "it is a directory|not a regular file"),
        (fifo, "it is a directory|not a regular file"),
        (nul, "NUL byte"),
        (big, "larger than 1 MB"),
    ):
        with pytest.raises(environment.Unusable, match=why) as caught:
            environment.from_secrets({"S": str(path)})
        assert f"secret S, {path}: " in str(caught.value)
        assert "hunter2" not in str(caught.value)
    with pytest.raises(environment.Unusable, match=f"^env_file {tmp_path / 'none'}: No such file"):
        environment.from_files([str(tmp_path / "none")])


def test_names_and_globs_decide_what_passes() -> None:
    ours = {"PATH": "p", "AWS_A": "a", "AWS_B": "b", "aws_c": "c", "X[1]": "x"}
    assert environment.passing(ours, ()) == {}
    assert environment.passing(ours, ("PATH", "AWS_*", "NOPE")) == {"PATH": "p", "AWS_A": "a", "AWS_B": "b"}
    assert environment.passing(ours, ("AWS_?", "*_c")) == {"AWS_A": "a", "AWS_B": "b", "aws_c": "c"}


def test_a_fingerprint_is_that_of_the_values_not_of_their_order() -> None:
    first = environment.fingerprint({"A": "1", "B": "2"})
    assert first == environment.fingerprint({"B": "2", "A": "1"})
    assert first != environment.fingerprint({"A": "1", "B": "3"})
