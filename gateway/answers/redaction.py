"""Takes secrets out of texts, before anybody reads them who needs not know them.

What is found is replaced by what it was: `[EMAIL]`. Rather too much is taken than too
little: a judge loses little by a number it cannot read. What looks like nothing known is
not found, so this is a net and no proof: whoever may not let texts go has no evaluators.

Linear in the text, whatever it is: an unbounded repetition is possessive, and begins
where none of its like precedes, or behind a literal. Most texts have none of the words
without which a rule can find nothing, and cost only the search for these.
"""

import re
import string
from collections.abc import Callable, Iterable, Mapping, Sequence
from ipaddress import AddressValueError, IPv4Address, IPv6Address
from itertools import accumulate
from types import MappingProxyType
from typing import Final, NamedTuple

from gateway.answers.patterns import compile_all

MOST_OWN_STEPS: Final = 200
"""Steps of a user's own patterns from one place, together (see patterns): 20 ms for the
worst text of 16 Ki characters, a tenth of a millisecond for a usual one (measured)."""

SHORTEST_FOUND: Final = 3
"""Characters of the shortest thing that a user's own pattern may find: what is shorter is
no secret, and its marks would make texts many times as long."""


class Rule(NamedTuple):
    """One kind of secret.

    Attributes:
        mark: What is put in its place.
        words: It is never in a text that has none of these, in lower case; none: it is
            looked for in every text.
        replace: Puts the mark wherever there is one.

    """

    mark: str
    words: tuple[str, ...]
    replace: Callable[[str], str]


def redact(text: str, rules: Sequence[Rule]) -> str:
    """Replace all that *rules* find, one after another."""
    lower = ""
    for _mark, words, replace in rules:
        if words:
            lower = lower or text.lower()
            if not any(map(lower.__contains__, words)):
                continue
        changed = replace(text)
        if changed != text:
            text, lower = changed, ""
    return text


def rules_for(
    names: Iterable[str], own: Sequence[tuple[str, str]] = ()
) -> tuple[Rule, ...]:
    """Give the rules of a configuration, the widest first.

    Args:
        names: Of built-in rules.
        own: (name, expression) pairs of the user's, behind them.

    Raises:
        BadConfiguration: An expression cannot be compiled, or may take too long.

    """
    wanted = frozenset(names)
    patterns = compile_all(own, most=MOST_OWN_STEPS)
    return (
        *(rule for name, rule in BUILT_IN.items() if name in wanted),
        *(
            _rule(name, (), pattern)
            for (name, _), pattern in zip(own, patterns, strict=True)
        ),
    )


def _rule(name: str, words: tuple[str, ...], pattern: str | re.Pattern[str]) -> Rule:
    mark, compiled = f"[{name.upper()}]", re.compile(pattern)
    return Rule(mark, words, lambda text: compiled.sub(mark, text))


def _checked(
    name: str, words: tuple[str, ...], pattern: str, check: Callable[[str, str], str]
) -> Rule:
    """Make a rule whose findings are looked at: *check* gets each, and the mark."""
    mark, compiled = f"[{name.upper()}]", re.compile(pattern)
    return Rule(
        mark,
        words,
        lambda text: compiled.sub(lambda found: check(found[0], mark), text),
    )


# Cards: 12 to 19 digits that fit their check digit (ISO/IEC 7812-1), in groups of three or
# more, as people write them. Each group may begin one and each may end one: behind an
# order number there may be a card.

_GROUP: Final = re.compile(r"[0-9]+")
_FEWEST_DIGITS: Final = 12
_MOST_DIGITS: Final = 19
_CARDS: Final = "23456"
_VALUES: Final = bytes.maketrans(b"0123456789", bytes(range(10)))
_DOUBLED: Final = bytes.maketrans(b"0123456789", bytes((0, 2, 4, 6, 8, 1, 3, 5, 7, 9)))


def _cards(found: str, mark: str) -> str:
    """Replace the cards in a row of groups of digits."""
    if len(found) < _FEWEST_DIGITS:
        return found
    groups = list(_GROUP.finditer(found))
    digits = "".join(group[0] for group in groups).encode()
    sums = _check_sums(digits)
    ends = [0, *accumulate(group.end() - group.start() for group in groups)]
    kept: list[str] = []
    place = at = 0
    while place < len(groups):
        last = _last_of_card(digits, ends, place, sums)
        if last is None:
            place += 1
            continue
        kept += (found[at : groups[place].start()], mark)
        at, place = groups[last].end(), last + 1
    return "".join((*kept, found[at:]))


def _last_of_card(
    digits: bytes, ends: list[int], first: int, sums: tuple[list[int], list[int]]
) -> int | None:
    """Give the group with which a card ends that begins with the group *first*."""
    start = ends[first]
    if chr(digits[start]) not in _CARDS:
        return None
    last = None
    for place in range(first, len(ends) - 1):
        end = ends[place + 1]
        if end - start > _MOST_DIGITS:
            break
        if end - start >= _FEWEST_DIGITS:
            by_place = sums[end % 2]  # its last digit is not doubled
            if (by_place[end] - by_place[start]) % 10 == 0:
                last = place
    return last


def _check_sums(digits: bytes) -> tuple[list[int], list[int]]:
    """Add up digits from the left, with those at odd places doubled, and at even ones."""
    plain, doubled = digits.translate(_VALUES), digits.translate(_DOUBLED)
    even, odd = bytearray(plain), bytearray(plain)
    even[1::2] = doubled[
        1::2
    ]  # of a row that ends at an odd length, the last is at even
    odd[0::2] = doubled[0::2]
    return [0, *accumulate(odd)], [0, *accumulate(even)]


# Accounts (ISO 13616): a country, a check of two digits, and up to 30 more.

_SHORTEST_IBAN: Final = 15
_SIGN: Final = re.compile(r"[^ ]")
_MODULUS: Final = 97
_IN_DIGITS: Final = {
    sign: str(value)
    for value, sign in enumerate(string.digits + string.ascii_uppercase)
}


_IBAN: Final = re.compile(
    r"(?<![A-Za-z0-9])[A-Za-z]{2}[0-9]{2}(?: ?[A-Za-z0-9]){11,30}"
)
_HEAD: Final = 4


def _without_ibans(text: str) -> str:
    """Replace accounts, also those that begin in what might have been another."""
    kept: list[str] = []
    at = start = 0
    while (found := _IBAN.search(text, at)) is not None:
        begin = found.start()
        length = _iban_length(found[0].replace(" ", "").upper())
        if length:
            kept += (text[start:begin], "[IBAN]")
            at = start = begin + _end_of(found[0], length)
        else:
            at = begin + _HEAD
    return "".join((*kept, text[start:]))


def _iban_length(compact: str) -> int:
    """Give the characters of the longest account that a text begins with; 0: of none."""
    head = int("".join(map(_IN_DIGITS.__getitem__, compact[:_HEAD])))
    longest = rest = 0
    for length, sign in enumerate(compact[_HEAD:], _HEAD + 1):
        value = _IN_DIGITS[sign]
        rest = (rest * (100 if len(value) > 1 else 10) + int(value)) % _MODULUS
        # The first four are moved to the end: two letters, of two digits, and two digits.
        is_right = (rest * 1_000_000 + head) % _MODULUS == 1
        if is_right and length >= _SHORTEST_IBAN:
            longest = length
    return longest


def _end_of(found: str, length: int) -> int:
    """Give the place behind the first *length* characters that are no blanks."""
    return list(_SIGN.finditer(found))[length - 1].end()


def _address(found: str, mark: str) -> str:
    try:
        if ":" in found:
            IPv6Address(found)
        else:
            IPv4Address(found)
    except AddressValueError:
        return found
    return mark


_NOT_INSIDE: Final = r"(?<![A-Za-z0-9])"
_KEYS: Final = (
    r"sk-[\w-]{16,}",
    r"gh[opusr]_[A-Za-z0-9]{20,}",
    r"github_pat_\w{20,}",
    r"glpat-[\w-]{16,}",
    r"(?:AKIA|ASIA)[A-Z0-9]{16}",
    r"AIza[\w-]{30,}",
    r"xox[abeoprs]-[\w-]{10,}",
    r"hf_[A-Za-z0-9]{20,}",
    r"npm_[A-Za-z0-9]{30,}",
    r"pypi-[\w-]{30,}",
    r"[rs]k_(?:live|test)_\w{10,}",
    r"whsec_\w{16,}",
    r"eyJ[\w-]{14,}(?:\.[\w-]+)*",  # JSON Web Tokens: base64 of {" and more
    r"(?i:bearer)\s{1,4}[\w.~+/-]{16,}=*",
    r"(?i:authorization)[\"']?\s{0,4}[:=]\s{0,4}[\"']?(?:[A-Za-z]{1,16}\s{1,4})?"
    r"[^\s\"',;]{8,}",
)
_KEY_WORDS: Final = (
    *("sk-", "gho_", "ghp_", "ghu_", "ghs_", "ghr_", "github_pat_", "glpat-", "akia"),
    *("asia", "aiza", "xox", "hf_", "npm_", "pypi-", "k_live_", "k_test_", "whsec_"),
    *("eyj", "bearer", "authorization"),
)
_LOCAL: Final = r"[\w.!#$%&'*+/=?^`{|}~-]"
_ENDS: Final = r"-----END [A-Z ]{0,40}PRIVATE KEY-----"
_RULES: Final = (
    _rule(
        "private_key",  # PEM (RFC 7468); of one that is cut, what is there
        ("private key-----",),
        r"-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----"
        rf"(?:[A-Za-z0-9+/=:,\s\\]|-(?!----))*+(?:{_ENDS})?"
        rf"|(?:\A|…)(?:\s{{0,4}}+[A-Z ]{{0,40}}+-{{1,5}}+)?[A-Za-z0-9+/=\s\\]*+{_ENDS}",
    ),
    _rule("api_key", _KEY_WORDS, rf"(?a){_NOT_INSIDE}(?:{'|'.join(_KEYS)})"),
    _rule(
        "secret",  # said to be one: password: …, or in a URL
        ("secret", "passw", "api", "token", "://"),
        r"(?i)(?:api[_-]?key|secret|password|passwd|token)[\"']?\s{0,4}[:=]\s{0,4}"
        r"(?:\"[^\"\n]{1,400}\"|'[^'\n]{1,400}'|[^\s\"',;]{4,})"
        r"|(?<=://)[^\s/@:\"']{1,200}:[^\s/@\"']{1,200}(?=@)",
    ),
    _rule(
        "email",
        ("@",),
        rf"(?<!{_LOCAL}){_LOCAL}++@[\w-]++(?:\.[\w-]++)++",
    ),
    Rule("[IBAN]", (), _without_ibans),
    _checked(
        "credit_card",
        (),
        # Begins with plain classes, which the search for it makes fast.
        r"[0-9][0-9][0-9][0-9]*+(?:[ .\u00a0-][0-9]{3,}+)*+",
        _cards,
    ),
    _rule(
        "phone",
        (),
        r"(?<![\w.+-])(?:(?:\+|00)[1-9](?:[ ()./-]{0,2}[0-9]){6,14}(?![0-9])"
        r"|\(?[0-9]{3}\)?[ .-][0-9]{3}[ .-][0-9]{4}(?!\w)"
        r"|\(?0[0-9]{1,4}\)?[ /-]{1,3}[0-9](?:[ -]?[0-9]){4,9}(?!\w))",
    ),
    _checked(
        "ip",
        (),
        r"(?<![\w.:])(?:(?:[0-9]{1,3}\.){3}[0-9]{1,3}(?![0-9]|\.[0-9])"
        r"|[0-9A-Fa-f]{0,4}(?::[0-9A-Fa-f]{0,4}){2,7}(?:(?:\.[0-9]{1,3}){3})?)(?!\w)",
        _address,
    ),
)
BUILT_IN: Final[Mapping[str, Rule]] = MappingProxyType({
    rule.mark.strip("[]").lower(): rule for rule in _RULES
})
"""By name, in the order in which they are applied."""
