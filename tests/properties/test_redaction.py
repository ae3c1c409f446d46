"""For all texts: no secret survives, nothing fails, and nothing takes long."""

import string
from time import thread_time

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from gateway.answers.redaction import BUILT_IN, redact, rules_for
from gateway.domain.evaluation import DEFAULT_REDACTED

ALL, DEFAULT = rules_for(BUILT_IN), rules_for(DEFAULT_REDACTED)
_BASE64 = string.ascii_letters + string.digits


def _signs(signs: str, least: int, most: int) -> st.SearchStrategy[str]:
    return st.text(signs, min_size=least, max_size=most)


def _checked(digits: str) -> str:
    """Put the check digit of ISO/IEC 7812-1 behind some digits."""
    total = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit) * (2 if place % 2 == 0 else 1)
        total += value - 9 if value > 9 else value
    return f"{digits}{-total % 10}"


def _grouped(card: str, separator: str) -> str:
    return separator.join(card[at : at + 4] for at in range(0, 16, 4))


_CARDS = st.builds(
    _grouped,
    st.builds(
        lambda first, rest: _checked(first + rest),
        *(
            st.sampled_from("23456"),
            _signs(string.digits, 14, 14),
        ),
    ),
    st.sampled_from(["", " ", "-", "."]),
)
_KEYS = st.one_of(
    st.builds("sk-{}".format, _signs(_BASE64 + "_-", 20, 60)),
    st.builds("ghp_{}".format, _signs(_BASE64, 36, 36)),
    st.builds("AKIA{}".format, _signs(string.ascii_uppercase + string.digits, 16, 16)),
    st.builds("Bearer {}".format, _signs(_BASE64 + "._~+/-", 16, 80)),
    st.builds(
        "eyJ{}.{}.{}".format,
        *(_signs(_BASE64 + "_-", 20, 40) for _ in range(3)),
    ),
)
_EMAILS = st.emails(domains=st.sampled_from(["example.com", "mail.example.co.uk"]))
_AROUND = st.text(st.sampled_from("ab Z09.,;:-_@/=…\n\t(\"'é漢"), max_size=40)


def _ending(text: str) -> str:
    """End a text so that what follows is a word of its own."""
    return text + "; "


@given(before=_AROUND, secret=st.one_of(_CARDS, _KEYS), behind=_AROUND)
def test_no_key_and_no_card_survives(before: str, secret: str, behind: str) -> None:
    token = secret.removeprefix("Bearer ")
    assume(token not in before + behind)

    assert token not in redact(f"{_ending(before)}{secret} ;{behind}", DEFAULT)


@given(before=_AROUND, email=_EMAILS, behind=_AROUND)
def test_no_address_survives(before: str, email: str, behind: str) -> None:
    if not email.startswith('"'):  # a quoted local part is none of these
        assert email not in redact(f"{_ending(before)}{email} ;{behind}", DEFAULT)


@given(text=st.text(), own=st.booleans())
def test_no_text_makes_it_fail(text: str, *, own: bool) -> None:
    rules = rules_for(BUILT_IN, [("own", r"[a-z]{3}\d{1,4}")] if own else [])

    assert isinstance(redact(text, rules), str)


@given(text=st.text(st.characters(exclude_categories=["Cs"]), max_size=200))
def test_what_has_neither_digits_nor_signs_is_left_as_it_is(text: str) -> None:
    plain = "".join(sign for sign in text if sign.isalpha() or sign == " ")
    rules = rules_for(["credit_card", "email", "phone", "ip", "private_key"])

    assert redact(plain, rules) == plain


HOSTILE = [
    *("a", "1 ", "123 ", "1234 ", "4111 ", "a@", "@", "eyJ", "eyJa.", "sk-", "Bearer "),
    *("DE89 ", "DE89", "::", "1.", "0 1", "-----BEGIN PRIVATE KEY-----", "…AAAA"),
    *("-----END PRIVATE KEY-----A", "authorization:", "password:", "://a:", "+1", "00"),
]


@pytest.mark.parametrize("hostile", HOSTILE)
def test_it_takes_no_longer_than_a_text_is_long(hostile: str) -> None:
    """Four times the text takes four times as long; of something quadratic sixteen."""
    short, long = (
        min(_seconds((hostile * size)[:size]) for _ in range(3))
        for size in (4_000, 16_000)
    )

    assert long < 9 * short + 0.001


def _seconds(text: str) -> float:
    began = thread_time()
    redact(text, ALL)
    return thread_time() - began
