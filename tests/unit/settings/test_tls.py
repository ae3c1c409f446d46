"""`tls` is read with its files, and what cannot be used is found before a client does."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gateway.domain.deployment import Deployment
from gateway.domain.tls import TlsVersion
from tests.certificates import Authority

Load = Callable[[dict[str, Any]], Deployment]
Lines = Callable[[dict[str, Any]], list[str]]


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


@pytest.fixture
def pair(authority: Authority) -> dict[str, str]:
    return authority.issue("server", "A.example.com", "*.example.org", "127.0.0.1")


def listening(document: dict[str, Any], tls: object) -> dict[str, Any]:
    return {**document, "listen": [{"address": "127.0.0.1:8443", "tls": tls}]}


def to_endpoints(document: dict[str, Any], tls: object) -> dict[str, Any]:
    document["services"]["chat"]["versions"]["v1"] = {
        "endpoints": ["https://model.example.com"],
        "tls": tls,
    }
    return document


def test_names_and_dates_come_from_the_certificate_and_no_key_goes_on(
    document: dict[str, Any], load: Load, pair: dict[str, str], authority: Authority
) -> None:
    written = {**pair, "min_version": "1.3", "client_ca": str(authority.file)}
    deployment = load(listening(document, written))

    [tls] = deployment.listen_tls
    assert tls is not None
    [found] = tls.certificates
    assert found.names == ("a.example.com", "*.example.org", "127.0.0.1")
    assert found.not_after > 1_700_000_000
    assert tls.min_version is TlsVersion.TLS_1_3
    secret = Path(pair["key"]).read_text().splitlines()[1]
    assert secret not in repr(deployment)


def test_a_renewed_file_is_a_change(
    document: dict[str, Any], load: Load, pair: dict[str, str], authority: Authority
) -> None:
    written = listening(document, pair)
    before = load(written)
    assert load(written) == before

    authority.issue("server", "a.example.com")

    assert load(written) != before


@pytest.mark.parametrize(
    ("spoil", "place", "words"),
    [
        ({"key": None}, "", "found no key."),
        ({"certificate": "gone.pem"}, ".certificate", "No such file"),
        ({"key": "."}, ".key", "Is a directory"),
        ({"certificate": "{key}"}, ".certificate", "holds no certificate"),
        ({"key": "{certificate}"}, ".key", "holds no private key"),
        ({"key": "{other}"}, "", "the key is of another certificate"),
        ({"key": "{locked}"}, ".key", "has a password"),
        ({"min_version": "1.1"}, ".min_version", "Known: 1.2, 1.3."),
        ({"min_version": 1.2}, ".min_version", "Known: 1.2, 1.3."),
        ({"client_ca": "{key}"}, ".client_ca", "no certificates of authorities"),
        ({"ca": "x"}, "", "unknown key 'ca'"),
        ({"certificates": []}, "", "found certificates beside one"),
    ],
)
def test_what_cannot_be_used_is_refused_where_it_stands(
    document: dict[str, Any],
    lines: Lines,
    pair: dict[str, str],
    authority: Authority,
    tmp_path: Path,
    spoil: dict[str, Any],
    place: str,
    words: str,
) -> None:
    locked = tmp_path / "locked.key"
    locked.write_text(LOCKED)
    paths = {**pair, "other": authority.issue("other")["key"], "locked": str(locked)}
    spoiled = {
        key: value.format(**paths) if isinstance(value, str) else value
        for key, value in spoil.items()
    }

    (found,) = lines(listening(document, {**pair, **spoiled}))

    assert found.startswith(f"listen[0].tls{place}: ")
    assert words in found


def test_a_certificate_that_no_client_could_be_shown_is_refused(
    document: dict[str, Any], lines: Lines, authority: Authority
) -> None:
    pairs = [authority.issue("one", "a.org", "b.org"), authority.issue("two", "b.org")]

    (found,) = lines(listening(document, pairs))

    assert found.startswith("listen[0].tls.certificates[1]: no client is ever shown it")


def test_endpoints_may_be_given_an_authority_and_shown_a_certificate(
    document: dict[str, Any], load: Load, pair: dict[str, str], authority: Authority
) -> None:
    written = {"ca": str(authority.file), "server_name": "Model.example.com", **pair}
    (service,) = load(to_endpoints(document, written)).services

    tls = service.versions[0].tls
    assert tls is not None
    assert tls.verify
    assert tls.ca == str(authority.file)
    assert tls.server_name == "model.example.com"
    assert tls.certificate is not None
    assert service.versions[1].tls is None


@pytest.mark.parametrize(
    ("tls", "place", "words"),
    [
        ({"ca": "gone.pem"}, "tls.ca", "No such file"),
        ({"certificate": "{certificate}"}, "tls", "found no key."),
        ({"verify": "no"}, "tls.verify", "Write true or false"),
        ({"verify": False, "ca": "{ca}"}, "tls.verify", "which asks none"),
        ({"server_name": "a b"}, "tls.server_name", "no host name"),
        ({"verifi": True}, "tls", "Did you mean 'verify'?"),
    ],
)
def test_what_cannot_be_used_for_endpoints_is_refused(
    document: dict[str, Any],
    lines: Lines,
    pair: dict[str, str],
    authority: Authority,
    tls: dict[str, Any],
    place: str,
    words: str,
) -> None:
    paths = {**pair, "ca": str(authority.file)}
    written = {
        k: v.format(**paths) if isinstance(v, str) else v for k, v in tls.items()
    }

    (found,) = lines(to_endpoints(document, written))

    assert found.startswith(f"services.chat.versions.v1.{place}: ")
    assert words in found


def test_tls_without_an_https_endpoint_is_refused(
    document: dict[str, Any], lines: Lines
) -> None:
    document["services"]["chat"]["versions"]["v1"]["tls"] = {"verify": False}

    (found,) = lines(document)

    assert "no endpoint whose URL begins with https" in found


def test_the_admin_api_asks_for_no_client_certificates(
    document: dict[str, Any], lines: Lines, pair: dict[str, str], authority: Authority
) -> None:
    document["admin"]["tls"] = {**pair, "client_ca": str(authority.file)}

    (found,) = lines(document)

    assert found.startswith("admin.tls.client_ca: ")


LOCKED = """\
-----BEGIN ENCRYPTED PRIVATE KEY-----
MIHsMFcGCSqGSIb3DQEFDTBKMCkGCSqGSIb3DQEFDDAcBAhuG50Xr/cYhAICCAAw
DAYIKoZIhvcNAgkFADAdBglghkgBZQMEAQIEEKroBXPhA1bRMOdKU6ezRU4EgZA5
+Dh8FSaZrbtZ1guwI6AhNmbngNOxr7p6pxxlvu+7ufcrFw0z3Io31bzl70lVGi3J
RnkAWIdVtxL5dk+HXTxTrpQXXVimofbmVyyukyyZhxrxG6EBOSqoavndu63HYkn/
K+GXfupdmk7u0sZlP6fBNgWAHG0debdxyV7BSJpV4tj+49h8qoTE0fBms4Q7AcU=
-----END ENCRYPTED PRIVATE KEY-----
"""
"""A key of nothing, with a password that nobody needs."""
