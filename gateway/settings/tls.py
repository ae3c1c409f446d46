"""`tls`: files of certificates, keys and authorities, read and tried out.

What cannot be used is found here, by `check`, at the start and at a reload, and not by
the first client. What is in a key goes no further than into a digest.
"""

import hashlib
import ssl
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

from gateway.domain.tls import Certificate, ServerTls, TlsVersion
from gateway.settings.credentials import Surroundings
from gateway.settings.problem import (
    Finding,
    Wrong,
    raise_all,
    shown,
    text_of,
    unknown,
    wrong,
)
from gateway.tls.contexts import LockedKey, load
from gateway.tls.x509 import read_certificate

_LARGEST_FILE: Final = 4 * 1024 * 1024  # the system's authorities are 0.2
_PAIR: Final = ("certificate", "key")
_MORE: Final = ("certificates", "min_version", "client_ca")
_VERSIONS: Final = tuple(version.value for version in TlsVersion)
_REMEDY: Final = "Write {certificate: c.pem, key: k.pem}, or a list of these."
_PEM: Final = "Name a PEM file: a line of it is -----BEGIN "
_REASONS: Final = {
    "KEY_VALUES_MISMATCH": "the key is of another certificate",
    "EE_KEY_TOO_SMALL": "the certificate's key is too short to be safe",
    "CA_KEY_TOO_SMALL": "the key of one in its chain is too short to be safe",
    "CA_MD_TOO_WEAK": "it is signed with an algorithm that is not safe any more",
}

_PATH_SCHEMA: Final = {"type": "string", "minLength": 1}
_PAIR_SCHEMA: Final = {
    "type": "object",
    "properties": dict.fromkeys(_PAIR, _PATH_SCHEMA),
    "required": list(_PAIR),
    "additionalProperties": False,
}
_PAIRS_SCHEMA: Final = {"type": "array", "items": _PAIR_SCHEMA, "minItems": 1}
SERVER_SCHEMA: Final = {
    "anyOf": [
        _PAIRS_SCHEMA,
        {
            "type": "object",
            "properties": {
                "certificate": _PATH_SCHEMA,
                "key": _PATH_SCHEMA,
                "certificates": _PAIRS_SCHEMA,
                "min_version": {"enum": list(_VERSIONS)},
                "client_ca": _PATH_SCHEMA,
            },
            "additionalProperties": False,
        },
    ]
}


class Files:
    """The files of one `tls`, and a digest of all that was in them.

    Args:
        surroundings: Where relative paths begin.

    """

    def __init__(self, surroundings: Surroundings) -> None:
        self._folder = surroundings.folder
        self._read: dict[Path, bytes] = {}

    def text(self, value: object) -> tuple[str, str]:
        """Give the path and the content of the file that *value* names. Raises Wrong."""
        path = self._folder / text_of(value, "Write the path of a PEM file.")
        content = self._read[path] = _content(path)
        return str(path), content.decode("latin-1")

    def digest(self) -> str:
        """Give a digest of all. Raises Wrong when one has changed since it was read."""
        digest = hashlib.sha256()
        for path, content in self._read.items():
            if _content(path) != content:
                raise wrong(
                    f"the file {shown(str(path))} changed while it was read.",
                    "Try again when it is written.",
                )
            digest.update(b"%d:" % len(content) + content)
        return digest.hexdigest()[:32]


def _content(path: Path) -> bytes:
    try:
        with path.open("rb") as stream:
            content = stream.read(_LARGEST_FILE + 1)
        if len(content) <= _LARGEST_FILE:
            return content
        reason = f"more than {_LARGEST_FILE} bytes"
    except OSError as error:
        reason = error.strerror or "not readable"
    except ValueError:  # a NUL in the path
        reason = "not a path"
    raise wrong(
        f"the file {shown(str(path))} cannot be used: {reason}.",
        "Name a PEM file that the gateway's user may read.",
    )


def server_tls(value: object, surroundings: Surroundings) -> ServerTls:
    """Read `tls` of a listener: a certificate and its key, or several. Raises Wrong."""
    given = {"certificates": value} if isinstance(value, list) else value
    if not isinstance(given, dict) or not given:
        raise wrong(f"found {shown(value)}.", _REMEDY)
    known = (*_PAIR, *_MORE)
    raise_all(unknown("key", key, known) for key in given if key not in known)
    files = Files(surroundings)
    certificates = _certificates(given, files)
    version = given.get("min_version", TlsVersion.TLS_1_2.value)
    if version not in _VERSIONS:
        finding = unknown("version", str(version), _VERSIONS, at=("min_version",))
        raise Wrong(finding)
    ca = authorities(given["client_ca"], files) if "client_ca" in given else ""
    return ServerTls(
        certificates=certificates,
        min_version=TlsVersion(version),
        client_ca=ca,
        digest=files.digest(),
    )


def _certificates(given: Mapping[str, object], files: Files) -> tuple[Certificate, ...]:
    several = given.get("certificates")
    if several is None:
        return (certificate(given, files),)
    if any(key in given for key in _PAIR):
        raise wrong("found certificates beside one.", "Put it first in the list.")
    if not isinstance(several, list) or not several:
        raise wrong(f"found {shown(several)}.", _REMEDY, at=("certificates",))
    found = []
    for place, entry in enumerate(several):
        try:
            found.append(_entry(entry, files))
        except Wrong as error:
            raise _below(error, "certificates", place) from None
    raise_all(_never_shown(found))
    return tuple(found)


def _entry(entry: object, files: Files) -> Certificate:
    if not isinstance(entry, dict):
        raise wrong(f"found {shown(entry)}.", "Write {certificate: c.pem, key: k.pem}.")
    raise_all(unknown("key", key, _PAIR) for key in entry if key not in _PAIR)
    return certificate(entry, files)


def _never_shown(certificates: list[Certificate]) -> Iterable[Finding]:
    """Find those that no client can ask for; the first is for all others."""
    taken = set(certificates[0].names)
    for place, each in enumerate(certificates[1:], 1):
        if taken.issuperset(each.names):
            names = ", ".join(each.names) or "none at all"
            yield Finding(
                what=f"no client is ever shown it: its names ({names}) are those of"
                " certificates above it.",
                remedy="Take it out, or the one above it.",
                at=("certificates", place),
            )
        taken.update(each.names)


def certificate(given: Mapping[str, object], files: Files) -> Certificate:
    """Read a certificate and its key, and try both out. Raises Wrong."""
    for key in _PAIR:
        if given.get(key) is None:
            raise wrong(f"found no {key}.", "Write both: certificate and key.")
    path, text = _text(given, "certificate", files)
    key_path, key_text = _text(given, "key", files)
    try:
        facts = read_certificate(text)
    except ValueError:
        what = f"the file {shown(path)} holds no certificate that can be read."
        raise wrong(what, _PEM + "CERTIFICATE-----.", at=("certificate",)) from None
    if "PRIVATE KEY-----" not in key_text:
        what = f"the file {shown(key_path)} holds no private key."
        raise wrong(what, _PEM + "PRIVATE KEY-----.", at=("key",))
    found = Certificate(
        certificate=path, key=key_path, names=facts.names, not_after=facts.not_after
    )
    _try_out(found)
    return found


def _text(given: Mapping[str, object], key: str, files: Files) -> tuple[str, str]:
    try:
        return files.text(given[key])
    except Wrong as error:
        raise _below(error, key) from None


def _try_out(found: Certificate) -> None:
    """Load both as the workers will. Raises Wrong."""
    both = f"{shown(found.certificate)} and {shown(found.key)} cannot be used"
    try:
        load(ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), found)
    except LockedKey:
        raise wrong(
            f"the key in {shown(found.key)} has a password.",
            "Take it off (`openssl pkey -in KEY -out NEW`): nobody is there to type it.",
            at=("key",),
        ) from None
    except OSError as error:
        why = getattr(error, "reason", None) or "a file is damaged"
        raise wrong(
            f"{both}: {_REASONS.get(why, why)}.",
            "Put a certificate and the key that belongs to it there.",
        ) from None


def authorities(value: object, files: Files, key: str = "client_ca") -> str:
    """Read a file of authorities; give its path. Raises Wrong."""
    try:
        path, text = files.text(value)
        read_certificate(text)
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(path)
    except Wrong as error:
        raise _below(error, key) from None
    except (OSError, ValueError):
        what = f"the file {shown(str(value))} holds no certificates of authorities."
        raise wrong(what, _PEM + "CERTIFICATE-----.", at=(key,)) from None
    return path


def _below(error: Wrong, *place: str | int) -> Wrong:
    return Wrong(*(finding.below(*place) for finding in error.findings))
