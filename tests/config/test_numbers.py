"""Telephone numbers as carriers write them. All numbers are reserved for fiction (Bundesnetzagentur, Ofcom, FCC)."""

import phonenumbers
import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.config import numbers
from router.config.numbers import (
    MAX_TEXT,
    caller_number,
    dialled_forms,
    diverting_number,
    e164,
    is_withheld,
)

BERLIN = "+493023125001"


@pytest.mark.parametrize(
    "raw",
    [
        "+493023125001",
        "00493023125001",
        "493023125001",
        "03023125001",
        "3023125001",
        "+49 (0)30 23125-001",
        "030 / 23125 001",
        "sip:+493023125001@carrier.example",
        "sip:03023125001;npdi@carrier.example;user=phone",
        "SIPS:%2B493023125001@carrier.example?Subject=x",
        "tel:+49-30-23125-001;phone-context=example.com",
        '"Doe, <John>" <sip:+493023125001@carrier.example>;tag=1',
        "<tel:+493023125001>, <sip:other@example.com>",
        "+493023125001@carrier.example",
    ],
)
def test_every_spelling_of_a_number_is_the_same_number(raw: str) -> None:
    assert e164(raw) == BERLIN


def test_a_number_of_another_country_keeps_its_own_prefix() -> None:
    assert e164("+442079460123") == "+442079460123"
    assert e164("00442079460123") == "+442079460123"
    assert e164("020 7946 0123", country="GB") == "+442079460123"
    assert e164("(202) 555-0143", country="US") == "+12025550143"


@pytest.mark.parametrize(
    "raw",
    ["", "anonymous", "alice", "4000", "0800FLOWERS", "sip:@x", "+", "+49", "+++49", "٠٣٠٢٣١٢٥٠٠١", "+999123456789"],
)
def test_what_is_no_number_for_certain_is_none(raw: str) -> None:
    assert e164(raw) is None


def test_more_digits_than_a_telephone_number_may_have_are_none() -> None:
    assert e164("+49302312500112345") is None
    assert e164("+" + "4" * 10_000) is None


@pytest.mark.parametrize(
    "raw", ["anonymous", "Anonymous", "Restricted", '"Anonymous" <sip:anonymous@anonymous.invalid>']
)
def test_a_withheld_number_leaves_nothing(raw: str) -> None:
    assert is_withheld(raw)
    assert caller_number(raw) == ""


@pytest.mark.parametrize("raw", ["", "  ", "unknown", "sip:unavailable@unknown.invalid"])
def test_a_missing_number_leaves_nothing_unless_the_network_knows_it(raw: str) -> None:
    assert not is_withheld(raw)
    assert caller_number(raw) == ""
    assert caller_number(raw, asserted=f"tel:{BERLIN}") == BERLIN


def test_an_anonymous_caller_stays_anonymous_before_the_networks_assertion() -> None:
    assert caller_number("anonymous", asserted=f"<sip:{BERLIN}@carrier.example>") == ""


def test_the_networks_assertion_goes_before_what_the_callers_exchange_wrote() -> None:
    assert caller_number("03023125099", asserted=f"<sip:{BERLIN}@carrier.example>") == BERLIN


def test_an_assertion_that_is_no_number_does_not_hide_one() -> None:
    assert caller_number("03023125001", asserted="<sip:trunk-7@carrier.example>") == BERLIN


def test_an_internal_caller_is_kept_as_sent() -> None:
    assert caller_number("4000") == "4000"
    assert caller_number("sip:alice@example.com") == "alice"


def test_what_is_kept_is_short_and_printable() -> None:
    kept = caller_number("bob\r\nAction: Hangup" + "x" * 10_000)
    assert len(kept) == MAX_TEXT
    assert kept.isprintable()


def test_the_diverting_number_comes_out_of_its_header() -> None:
    assert diverting_number("<sip:+493023125001@carrier.example>;reason=no-answer;counter=1") == BERLIN
    assert diverting_number("") == ""


def test_our_numbers_are_recognised_in_every_form_they_are_dialled_in() -> None:
    assert dialled_forms(BERLIN) == ("493023125001", "00493023125001", "03023125001")
    assert dialled_forms("+442079460123") == ("442079460123", "00442079460123")
    for form in dialled_forms(BERLIN):
        assert e164(form) == BERLIN


DIALLED = st.text(alphabet="+0123456789 ()-./", max_size=24)
HEADERS = st.builds(
    "{}<{}:{}@{}>{}".format, st.text(), st.sampled_from(["sip", "tel", "x"]), DIALLED, st.text(), st.text()
)


@given(st.text() | DIALLED | HEADERS, st.text(max_size=80))
def test_nothing_a_stranger_sends_raises_or_grows(raw: str, asserted: str) -> None:
    number = e164(raw)
    kept = caller_number(raw, asserted)
    assert number is None or (number.startswith("+") and number[1:].isdecimal() and len(number) <= 16)
    assert len(kept) <= MAX_TEXT
    assert kept == "" or kept.isprintable()
    assert diverting_number(raw) == caller_number(raw)


@given(DIALLED, st.sampled_from(["DE", "AT", "GB", "US", "IT", "RU", "BR"]))
def test_a_number_in_e164_is_left_as_it_is(raw: str, country: str) -> None:
    number = e164(raw, country)
    if number is not None:
        assert e164(number, country) == number


@given(st.text() | DIALLED)
def test_a_caller_told_once_is_told_the_same_again(raw: str) -> None:
    kept = caller_number(raw)
    if kept.startswith("+"):
        assert caller_number(kept) == kept


@given(st.sampled_from(sorted(phonenumbers.COUNTRY_CODE_TO_REGION_CODE)), st.from_regex(r"[0-9]{1,13}", fullmatch=True))
def test_a_number_that_is_not_parsed_is_what_parsing_would_give(code: int, national: str) -> None:
    raw = f"+{code}{national}"
    if numbers._is_e164(raw):
        assert numbers._canonical(raw, "DE") == raw


def test_most_numbers_as_networks_write_them_need_no_parsing() -> None:
    written = [f"+49155{n:08d}" for n in range(0, 10**8, 9_999_991)] + ["+493023125000", "+431234567", "+14155550100"]

    assert [number for number in written if not numbers._is_e164(number)] == []
    assert not numbers._is_e164("+49030231250")  # a trunk prefix where none belongs: the library decides
