"""Names: of services and versions, header fields, cookies, hosts, paths, JSON places."""

import re
from collections.abc import Callable, Iterable
from typing import Final

from gateway.domain.service import DialectChoice, HostRule, UsageRule
from gateway.settings.addresses import checked_host, split_authority
from gateway.settings.problem import Wrong, shown, text_of, unknown, wrong
from gateway.wire.fields import FRAMING, HOP_BY_HOP, OWN_PREFIX
from gateway.wire.request_head import REWRITTEN

NAME_PATTERN: Final = r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}"
FIELD_NAME_PATTERN: Final = (
    r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,128}"  # RFC 9110 section 5.6.2
)
PATH_PATTERN: Final = r"/[\x21\x22\x24-\x3e\x40-\x7e]*"  # visible ASCII without ? and #
POINTER_PATTERN: Final = r"(?:/(?:[^~/]|~[01])*)+"  # RFC 6901 section 3, not empty

_NAME: Final = re.compile(NAME_PATTERN)
_FIELD_NAME: Final = re.compile(FIELD_NAME_PATTERN)
_PATH: Final = re.compile(PATH_PATTERN)
_POINTER: Final = re.compile(POINTER_PATTERN)
_OF_THE_CONNECTION: Final = frozenset(
    field.decode() for field in HOP_BY_HOP | FRAMING | {b"expect", b"trailer"}
)
_OWN_PREFIX: Final = OWN_PREFIX.decode()
_WRITTEN_BY_US: Final = frozenset(field.decode() for field in REWRITTEN)


def name(value: object) -> str:
    """Read the name of a service, version, token, signal or segment. Raises Wrong."""
    remedy = (
        "Write 1 to 63 letters, digits, dots, dashes or underscores, "
        "beginning with a letter or digit."
    )
    text = text_of(value, remedy)
    if not _NAME.fullmatch(text):
        raise wrong(f"found the name {shown(text)}.", remedy)
    return text


def header_name(value: object) -> str:
    """Read the name of an end-to-end header field, and lower its case. Raises Wrong."""
    remedy = "Write a header name such as x-user-id: letters, digits and dashes."
    text = text_of(value, remedy)
    if not _FIELD_NAME.fullmatch(text):
        raise wrong(f"found {shown(text)}, which is no header name.", remedy)
    if text.lower() in _OF_THE_CONNECTION:
        raise wrong(
            f"found the header '{text}', which ends at each connection.",
            "Leave it out: the gateway writes it itself. Name an end-to-end header.",
        )
    return text.lower()


def header_as_written(value: object) -> str:
    """Read the name of an end-to-end header field; case is kept. Raises Wrong."""
    header_name(value)
    return str(value)


def settable_header(value: object) -> str:
    """Read the name of a header that a version may set; case is kept. Raises Wrong."""
    lower = header_name(value)
    if lower == "host":
        raise wrong(
            f"found the header {shown(value)}.",
            "Write `host: rewrite` in the version to send the endpoint's own host.",
        )
    if lower in _WRITTEN_BY_US:
        raise wrong(
            f"found the header {shown(value)}, which the gateway writes itself.",
            "Leave it out: a second one would make the request ambiguous.",
        )
    if lower.startswith(_OWN_PREFIX):
        raise wrong(
            f"found the header {shown(value)}, which only the gateway may send.",
            f"Choose a name that does not begin with {_OWN_PREFIX}.",
        )
    return str(value)


def matched_header(value: object) -> str:
    """Read the name of a header that requests are chosen by. Raises Wrong."""
    lower = header_name(value)
    if lower.startswith(_OWN_PREFIX):
        raise wrong(
            f"found the header {shown(value)}, which clients cannot send: the gateway "
            "drops theirs.",
            f"Choose a name that does not begin with {_OWN_PREFIX}.",
        )
    return lower


def header_text(longest: int) -> Callable[[object], str]:
    """Make a reader of what a header's value is compared with."""

    def read(value: object) -> str:
        remedy = f"Write 1 to {longest} ASCII characters, no blanks around them."
        text = text_of(value, remedy)
        is_text = text.isascii() and text.isprintable() and text == text.strip()
        if not is_text or not 0 < len(text) <= longest:
            raise wrong(f"found {shown(text)}.", remedy)
        return text

    return read


def cookie_name(value: object) -> str:
    """Read a cookie name (RFC 6265 section 4.1.1: a token). Raises Wrong."""
    remedy = "Write a cookie name such as sluicegate_key: letters, digits, dashes."
    text = text_of(value, remedy)
    if not _FIELD_NAME.fullmatch(text):
        raise wrong(f"found {shown(text)}, which is no cookie name.", remedy)
    return text


def json_pointer(value: object) -> str:
    """Read a JSON pointer to something inside the document. Raises Wrong."""
    remedy = (
        "Write a JSON pointer such as /model or /metadata/user_id; "
        "inside a key, ~1 stands for / and ~0 for ~."
    )
    text = text_of(value, remedy)
    if not _POINTER.fullmatch(text):
        raise wrong(f"found {shown(text)}, which is no JSON pointer.", remedy)
    return text


def path_prefix(value: object) -> str:
    """Read the beginning of a request path. Raises Wrong."""
    remedy = "Write a path that begins with /, such as /v1/, without query or blanks."
    text = text_of(value, remedy)
    if not _PATH.fullmatch(text):
        raise wrong(f"found {shown(text)}, which is no path.", remedy)
    return text


def host_pattern(value: object) -> str:
    """Read a host that requests are made to: a name, an address or *.name."""
    remedy = "Write a host name such as api.example.com, or *.example.com."
    text = text_of(value, remedy)
    if text == "*":
        raise wrong("found '*'.", "Leave `hosts` out: then every host fits.")
    star, rest = ("*.", text[2:]) if text.startswith("*.") else ("", text)
    host = checked_host(rest) or checked_host(
        rest.removeprefix("[").removesuffix("]"), is_bracketed=True
    )
    if host is None or (star and ":" in host):
        has_port = split_authority(rest) is not None
        hint = "Leave out the port: a service fits on every one. " if has_port else ""
        raise wrong(f"found {shown(text)}, which is no host name.", hint + remedy)
    return f"[{host}]" if ":" in host else star + host.rstrip(".")


def choice(
    kind: str, available: Iterable[str], later: Iterable[str] = ()
) -> Callable[[object], str]:
    """Make a reader of one of a few words, some of which are not available yet."""
    words, planned = tuple(available), frozenset(later)

    def read(value: object) -> str:
        text = text_of(value, f"Write one of: {', '.join(words)}.")
        if text in planned:
            raise wrong(
                f"{kind} '{text}' is not available yet.",
                f"Write one of: {', '.join(words)}.",
            )
        if text not in words:
            raise Wrong(unknown(kind, text, words))
        return text

    return read


HOST_RULES: Final = tuple(rule.value for rule in HostRule)
DIALECTS: Final = tuple(choice.value for choice in DialectChoice)
USAGE_RULES: Final = tuple(rule.value for rule in UsageRule)
