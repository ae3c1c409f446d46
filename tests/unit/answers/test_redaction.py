"""What is taken out of a text before a judge reads it, and what is left in."""

import pytest

from gateway.answers.patterns import MOST_STEPS
from gateway.answers.redaction import BUILT_IN, redact, rules_for
from gateway.domain.errors import BadConfiguration

ALL = rules_for(BUILT_IN)
CARD = "4111 1111 1111 1111"
PEM = (
    "-----BEGIN RSA PRIVATE KEY-----\nMIIEow\nIBAAKC/+=\n-----END RSA PRIVATE KEY-----"
)


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("mail john.doe+x@example.co.uk now", "mail [EMAIL] now"),
        ("<a@b.de>, c@d.org.", "<[EMAIL]>, [EMAIL]."),
        ("jörg@münchen.example", "[EMAIL]"),
        (f"card {CARD}.", "card [CREDIT_CARD]."),
        ("4111-1111-1111-1111", "[CREDIT_CARD]"),
        ("378282246310005", "[CREDIT_CARD]"),
        ("3782 822463 10005", "[CREDIT_CARD]"),
        ("6011000990139424 5555555555554444", "[CREDIT_CARD] [CREDIT_CARD]"),
        (f"order 12345 {CARD} 678", "order 12345 [CREDIT_CARD] 678"),
        (f"12-{CARD}", "12-[CREDIT_CARD]"),
        ("sk-abcdefghijklmnopqrst", "[API_KEY]"),
        ("sk-proj-abc_def-ghi0123456789", "[API_KEY]"),
        ("key=sk-ant-api03-abcdefghijkl", "key=[API_KEY]"),
        ("ghp_" + "a1B2" * 9, "[API_KEY]"),
        ("github_pat_" + "a1_B2" * 9, "[API_KEY]"),
        ("AKIAIOSFODNN7EXAMPLE", "[API_KEY]"),
        ("AIza" + "Sy-_" * 9, "[API_KEY]"),
        ("xoxb-123456789012-abcdef", "[API_KEY]"),
        ("hf_" + "abcd" * 9, "[API_KEY]"),
        ("sk_live_abcdefghijklmno", "[API_KEY]"),
        ("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.dozjgN", "[API_KEY]"),
        ("eyJhbGciOiJIUzI1NiJ9.eyJz", "[API_KEY]"),
        ("Authorization: Bearer abcDEF123", "[API_KEY]"),
        ("bearer abcdefghijklmnop==", "[API_KEY]"),
        ('"authorization": "Basic dXNlcjpwYXNz"', '"[API_KEY]"'),
        (f"a {PEM} b", "a [PRIVATE_KEY] b"),
        (PEM[:50], "[PRIVATE_KEY]"),
        ("… IBAAKC/+=\n-----END RSA PRIVATE KEY----- b", "[PRIVATE_KEY] b"),
        ("password: hunter22, then", "[SECRET], then"),
        ('api_key = "a b"', "[SECRET]"),
        ("postgres://joe:s3cr3t@db/x", "postgres://[SECRET]@db/x"),
        ("DE89 3704 0044 0532 0130 00 is mine", "[IBAN] is mine"),
        ("gb82west12345698765432", "[IBAN]"),
        ("AB12 34567890 DE89 3704 0044 0532 0130 00", "AB12 34567890 [IBAN]"),
        ("AB12 DE89 3704 0044 0532 0130 00", "AB12 [IBAN]"),
        ("call +49 170 1234567", "call [PHONE]"),
        ("(555) 123-4567", "[PHONE]"),
        ("030 / 12 34 56 78", "[PHONE]"),
        ("at 10.0.0.1, fe80::1 and ::1.", "at [IP], [IP] and [IP]."),
    ],
)
def test_what_is_a_secret_is_replaced_by_what_it_was(text: str, left: str) -> None:
    assert redact(text, ALL) == left


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a risk-assessment-methodology for task-oriented agents",
        "4111 1111 1111 1112",  # no card has this check digit
        "in 1066, 1492, 1776 and 1989",
        "2024-11-25 16:41:10",
        "the bearer of good news",
        "meet @ noon, @joe",
        "release 1.2.3, at 10:20:30",
        "999.999.999.999",
        "1 + 2 = 3, 100 %, 12,345.67 €",
        "Basic authorization is explained below.",
        "def token(self): ...",
    ],
)
def test_what_is_none_is_left(text: str) -> None:
    assert redact(text, ALL) == text


def test_only_what_was_asked_for_is_taken_out() -> None:
    text = f"{CARD} joe@example.com"

    assert redact(text, rules_for(["email"])) == f"{CARD} [EMAIL]"
    assert redact(text, rules_for([])) == text


def test_patterns_of_ones_own_come_behind_the_built_in_ones() -> None:
    own = [("ticket", r"TICKET-[0-9]{1,9}"), ("mail", r"\[EMAIL\]")]

    assert redact("a@b.org, TICKET-17", rules_for(["email"], own)) == "[MAIL], [TICKET]"


@pytest.mark.parametrize("pattern", ["(a+)+$", "a*b", "(", "(?=x)x"])
def test_a_pattern_that_might_take_long_or_is_none_is_refused(pattern: str) -> None:
    with pytest.raises(BadConfiguration):
        rules_for([], [("own", pattern)])


def test_patterns_may_take_less_than_those_of_segments_for_texts_are_longer() -> None:
    with pytest.raises(BadConfiguration, match="200 are allowed"):
        rules_for([], [("own", "(?:ab|cd){0,8}" * 2)])
    assert MOST_STEPS > 200
