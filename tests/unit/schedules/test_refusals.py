"""What is refused and what is doubted, word for word: which field, why, and what to write instead."""

from __future__ import annotations

import pytest

from supervice.schedules import refusals
from supervice.schedules.advice import doubts
from supervice.schedules.expression import MOST_CHARACTERS, parse, parse_lines
from supervice.schedules.fields import FIELDS, Field
from supervice.schedules.records import Cron

FIVE = "write five fields (minute, hour, day of month, month, day of week)"
EVERY = "not a time: write every with a number and a unit: every 90s, every 5m, every 1h30m"
MONTHS = "JAN, FEB, MAR, APR, MAY, JUN, JUL, AUG, SEP, OCT, NOV, DEC"
DAYS = "SUN, MON, TUE, WED, THU, FRI, SAT"
NTH = "# stands between a day of the week and 1 to 5; write MON#2 for the second Monday"
LAST = "L stands behind one number from 0 to 7; write 5L for the last Friday"
STEP = "the step behind / is a number from 1; write */5"
EMPTY = "an empty item; write numbers with commas and without blanks (1,15)"


def refused(text: str) -> str:
    with pytest.raises(ValueError) as caught:
        parse(text)
    return str(caught.value)


def sixth(seconds: int) -> str:
    return f"six fields: elsewhere the sixth is seconds, in front or behind; {FIVE}, or every {seconds}s"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("@every", "is written without @ here: every 5m"),
        ("@every 1h30m", "is written without @ here: every 1h30m"),
        ("@EVERY 5m", "is written without @ here: every 5m"),
        (
            "@never",
            "no such name; write one of @yearly, @annually, @monthly, @weekly, @daily, @midnight, @hourly, @reboot",
        ),
        ("every", EVERY),
        ("every 90", "the time has no unit; write every 90s"),
        ("every  5 0", EVERY),
        ("every 5w", EVERY),
        ("every s", EVERY),
        ("every .s", EVERY),
        ("every 1.2.3s", EVERY),
        ("every 5m 3", EVERY),
        ("every 1000000000000s", EVERY),
        ("every 100000000000s", "every: the most is 10000d; write a shorter time"),
        ("every 0000000000001s", EVERY),
        ("every 0.999s", "every: the least is 1s; write every 1s"),
        ("", f"0 fields; {FIVE}"),
        ("* * * *", f"4 fields; {FIVE}"),
        ("TZ=UTC 0 3 * * *", "the time zone is an option of its own; write schedule_timezone = UTC"),
        ("cron_tz=a=b 0 3 * * *", "the time zone is an option of its own; write schedule_timezone = a=b"),
        ("0 3 * * * root", "text stands behind the five fields; write schedule = 0 3 * * * and the rest as command"),
        ("0 3 * * * x", "text stands behind the five fields; write schedule = 0 3 * * * and the rest as command"),
        ("0 3 * * * root *", f"7 fields; {FIVE}"),
        ("0 3 * * * monday", sixth(30)),
        ("0 3 * * * ?", sixth(30)),
        ("0 3 * * * 1,2-3/4#5LW", sixth(30)),
        ("*/7 3 * * * *", sixth(7)),
        ("0/59 3 * * * *", sixth(59)),
        ("*/60 3 * * * *", sixth(30)),
        ("*/100 3 * * * *", sixth(30)),
        ("1/7 3 * * * *", sixth(30)),
        ("0 3 * * * */9", sixth(9)),
        ("*/8 3 * * * */9", sixth(8)),
        ("* * * * * * *", f"7 fields; {FIVE}"),
    ],
)  # fmt: skip
def test_what_is_no_expression(text: str, why: str) -> None:
    assert refused(text) == why


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("60 * * * *", "minute: goes from 0 to 59"),
        ("* 24 * * *", "hour: goes from 0 to 23, midnight is 0"),
        ("24,60 24 * * *", "minute: goes from 0 to 59"),
        ("* 25 * * *", "hour: goes from 0 to 23"),
        ("* * 24-32 * *", "day of month: goes from 1 to 31"),
        ("* * * 0 *", "month: goes from 1 to 12"),
        ("* * * MAI *", f"month: write a number from 1 to 12, or {MONTHS}"),
        ("* * * * 8", "day of week: goes from 0 to 7"),
        ("* * * * MO", f"day of week: write a number from 0 to 7, or {DAYS}"),
        ("x * * * *", "minute: not a number; write 0 to 59, or *"),
        ("1-x * * * *", "minute: not a number; write 0 to 59, or *"),
        ("-5 * * * *", "minute: not a number; write 0 to 59, or *"),
        ("5- * * * *", "minute: not a number; write 0 to 59, or *"),
        ("1,,2 * * * *", f"minute: {EMPTY}"),
        ("*/0 * * * *", f"minute: {STEP}"),
        ("*/x * * * *", f"minute: {STEP}"),
        ("5/ * * * *", f"minute: {STEP}"),
        ("*/² * * * *", f"minute: {STEP}"),
        ("*/000000000 * * * *", f"minute: {STEP}"),
        ("*/0000000001 24 * * *", "hour: goes from 0 to 23, midnight is 0"),
        ("* * ? * *", "day of month: ? is not known here; write *"),
        (
            "H/5 * * * *",
            "minute: H is not known here; write a number, and schedule_jitter to spread the load",
        ),
        ("* L * * *", "hour: not a number; write 0 to 23, or *"),
        ("* * 15W * *", "day of month: W is known only in LW, the last weekday of the month"),
        ("* * W * *", "day of month: W is known only in LW, the last weekday of the month"),
        ("* * * LW *", "month: W is known only in LW, the last weekday of the month"),
        ("* * * * MON#0", f"day of week: {NTH}"),
        ("* * * * MON#6", f"day of week: {NTH}"),
        ("* * * * 8#1", f"day of week: {NTH}"),
        ("* * * * #1", f"day of week: {NTH}"),
        ("1#2 * * * *", f"minute: {NTH}"),
        ("* * * * L", f"day of week: {LAST}"),
        ("* * * * 8L", f"day of week: {LAST}"),
        ("* * * * FRIL", f"day of week: {LAST}"),
        ("* * * * 1-5L", f"day of week: {LAST}"),
        ("x * * * 5L,9", "minute: not a number; write 0 to 59, or *"),
        ("* * L,LW,32 * *", "day of month: goes from 1 to 31"),
        ("5-5 60 * * *", "hour: goes from 0 to 23"),
        ("* * * * 5L,9", "day of week: goes from 0 to 7"),
        *((f"* * * * MON#{nth},9", "day of week: goes from 0 to 7") for nth in (1, 2, 3, 4, 5)),
        ("*,60 * * * *", "minute: goes from 0 to 59"),
        ("0 0 30 2 *", refusals.NEVER),
    ],
)
def test_the_first_field_that_is_wrong(text: str, why: str) -> None:
    assert refused(text) == why


@pytest.mark.parametrize(
    ("text", "list_"),
    [
        ("59-0 * * * *", "59,0"),
        ("58-1 * * * *", "58-59,0-1"),
        ("5,50-10,20 * * * *", "5,50-59,0-10,20"),
        ("50-10/20 * * * *", "50,10"),
        ("50-10/1 * * * *", "50-59,0-10"),
        ("50-10/0000000020 * * * *", "50,10"),
        (f"50-10/{'9' * 900} * * * *", "50"),
        ("* * * * 6-1", "6,0-1"),
        ("* * * * 5-0", "5-6,0"),
        ("* * * * 7-1", "0-1"),
        ("* * * * 7-0", "0"),
        ("* * * * 7-2/2", "0,2"),
        ("* * * * 6-1/2", "6,1"),
        ("* * * * SAT-MON", "SAT,SUN,MON"),
        ("* * * DEC-FEB *", "DEC,JAN,FEB"),
        ("* * * DEC-FEB/2 *", "DEC,FEB"),
        ("* * * 11-1 *", "11-12,1"),
        ("* * 31-1 * *", "31,1"),
    ],
)
def test_a_range_over_the_end(text: str, list_: str) -> None:
    (field,) = (field for field in text.split() if field != "*")
    (term,) = (term for term in field.split(",") if "-" in term)
    why = refused(text)
    assert why.partition(": ")[2] == f"{term.partition('/')[0]} goes over the end; write {list_}"
    parse(text.replace(field, list_))


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("0 5-5/10 * * *", "hour: 5-5/10 can be read in two ways; write 5 or 5/10"),
        ("0 0 * * 1,MON-1/2", "day of week: MON-1/2 can be read in two ways; write MON or MON/2"),
        ("0-0/7,3 * * * *", "minute: 0-0/7 can be read in two ways; write 0 or 0/7"),
    ],
)
def test_a_range_of_one(text: str, why: str) -> None:
    assert refused(text) == why


# -- fields ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("field", "word", "number"),
    [
        (0, "0", 0), (0, "59", 59), (0, "60", None), (0, "0059", 59), (0, "00000", 0), (0, "600", None),
        (0, "MON", None), (0, "", None), (0, "-1", None), (0, "²", None), (0, "\u0661", None),
        (1, "23", 23), (1, "24", None), (2, "0", None), (2, "1", 1), (2, "31", 31), (2, "32", None),
        (3, "JAN", 1), (3, "DEC", 12), (3, "12", 12), (3, "13", None), (3, "0", None), (3, "SUN", None),
        (4, "SUN", 0), (4, "SAT", 6), (4, "7", 7), (4, "8", None), (4, "07", 7), (4, "17", None), (4, "sun", None),
    ],
)  # fmt: skip
def test_the_number_of_a_word(field: int, word: str, number: int | None) -> None:
    assert FIELDS[field].number(word) == number


def test_the_five_fields() -> None:
    assert [(field.name, field.least, field.most, len(field.names)) for field in FIELDS] == [
        ("minute", 0, 59, 0),
        ("hour", 0, 23, 0),
        ("day of month", 1, 31, 0),
        ("month", 1, 12, 12),
        ("day of week", 0, 7, 7),
    ]
    assert Field("x", 0, 9).names == ()


def test_zeros_in_front_change_nothing() -> None:
    """`00005-00010/2` was refused as a range of one: numbers of five digits were none."""
    zeros, plain = parse("00005-00010/2 0000007 * * *"), parse("5-10/2 7 * * *")
    assert isinstance(zeros, Cron)
    assert isinstance(plain, Cron)
    assert (zeros.minutes, zeros.hours) == (plain.minutes, plain.hours)
    assert refused("00061 * * * *") == "minute: goes from 0 to 59"


def test_a_line_of_thousands_of_characters_is_refused() -> None:
    """Python refuses to read a number of more than 4,300 digits, with words of its own."""
    most = "0" * (MOST_CHARACTERS - 9) + "5 * * * *"
    assert len(most) == MOST_CHARACTERS == 1000
    parse(most)
    why = "is longer than 1000 characters; write several lines"
    assert refused("0" + most) == why
    for text in ("9" * 5000 + " * * * *", "*/" + "9" * 5000 + " * * * *", "* * * * MON#" + "0" * 5000 + "1"):
        assert refused(text) == why


def test_an_empty_option() -> None:
    with pytest.raises(ValueError, match=r"^is empty; write a schedule \(30 3 \* \* \*, @daily, every 5m\)$"):
        parse_lines(" \n\n")


# -- what is taken and doubted ---------------------------------------------------------------------------


def beyond(field: str, term: str, low: object) -> str:
    return f"{field}: the step of {term} is beyond its end: it is {low} alone; write {low}"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("* 3 * * *", ["* 3 is every minute of hour 3, write 0 3 * * * to run once"]),
        ("* 3 1 2 MON", ["* 3 is every minute of hour 3, write 0 3 1 2 MON to run once",
                         "day of month and day of week are both given: it runs when either matches; "
                         "write * for one of them (* 3 1 2 *), or two lines"]),
        ("* 22/1 * * *", ["* 22/1 is every minute of the hours 22, 23 …, write 0 22/1 * * * to run once in each"]),
        ("*/1 */6 * * *", ["*/1 */6 is every minute of the hours 0, 6, 12 …, "
                           "write 0 */6 * * * to run once in each"]),
        ("* 3,4 * * *", []),
        ("* * * * *", []),
        ("*/2 3 * * *", []),
        ("0 3 13 * 5", ["day of month and day of week are both given: it runs when either matches; "
                        "write * for one of them (0 3 13 * *), or two lines"]),
        ("*/60 * * * *", [beyond("minute", "*/60", 0)]),
        ("*/59 * * * *", []),
        ("1,*/60 * * * *", [beyond("minute", "*/60", 0)]),
        ("*/60,*/70 * * * *", [beyond("minute", "*/60", 0), beyond("minute", "*/70", 0)]),
        ("0 10/14 * * *", [beyond("hour", "10/14", 10)]),
        ("0 10/13 * * *", []),
        ("0 23/1 * * *", []),
        ("0 23/2 * * *", [beyond("hour", "23/2", 23)]),
        ("0 0 10-20/11 * *", [beyond("day of month", "10-20/11", 10)]),
        ("0 0 10-20/10 * *", []),
        ("0 0 L/2,LW/3 * *", ["day of month: the step in L/2 does nothing; write L",
                              "day of month: the step in LW/3 does nothing; write LW"]),
        ("0 0 1,L/2,5/60 * *", ["day of month: the step in L/2 does nothing; write L",
                                beyond("day of month", "5/60", 5)]),
        ("0 0 1 NOV/2 *", [beyond("month", "NOV/2", 11)]),
        ("0 0 1 */13 *", [beyond("month", "*/13", 1)]),
        ("0 0 * * MON-FRI/5", [beyond("day of week", "MON-FRI/5", 1)]),
        ("0 0 * * 1#2", []),
        ("@reboot", []),
        ("every 5m", []),
    ],
)  # fmt: skip
def test_what_is_doubted(text: str, found: list[str]) -> None:
    assert doubts(parse(text)) == found
