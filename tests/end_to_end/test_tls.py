"""TLS on the real command: with clients that people use, renewed while it runs."""

import json
import shutil
import signal
import ssl
import subprocess
import threading
import time
from datetime import UTC, datetime, timedelta
from http.client import HTTPSConnection
from pathlib import Path
from typing import Any

import openai
import pytest

from tests.certificates import LONG_AGO, Authority
from tests.end_to_end.running import (
    CHAT,
    COMMAND,
    PATIENCE_S,
    Gateway,
    ModelServer,
    call,
    configuration,
    running_gateway,
    until,
)

Models = tuple[ModelServer, ModelServer]

QUESTION = {"model": "m", "messages": [{"role": "user", "content": "hello"}]}


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    """Make an authority that nobody knows."""
    return Authority(tmp_path)


def with_tls(url: str, tls: object, **more: object) -> dict[str, Any]:
    """Write a configuration whose data listener speaks TLS."""
    return {
        **configuration([url]),
        "listen": [{"address": "127.0.0.1:0", "tls": tls}],
        **more,
    }


def shown(port: int, authority: Authority) -> str:
    """Shake hands; give the serial number of the certificate that is shown."""
    context = authority.trusting()
    connection = HTTPSConnection("127.0.0.1", port, timeout=PATIENCE_S, context=context)
    try:
        connection.connect()
        found = connection.sock.getpeercert()
        assert found is not None
    finally:
        connection.close()
    return str(found["serialNumber"])


def s_client(port: int, *options: str) -> str:
    """Give all that `openssl s_client` says."""
    told = subprocess.run(
        ["openssl", "s_client", "-connect", f"127.0.0.1:{port}", *options],
        input=b"",
        capture_output=True,
        timeout=PATIENCE_S,
        check=False,
    )
    return (told.stdout + told.stderr).decode(errors="replace")


def failed_handshakes(gateway: Gateway) -> float:
    return sum(
        count
        for labels, count in gateway.metric("sluicegate_tls_handshakes_total")
        if labels["result"] == "failed"
    )


def reload_of(gateway: Gateway) -> tuple[int, dict[str, Any]]:
    return call(gateway.admin, "POST", "/api/v1/reload", {})


@pytest.mark.skipif(shutil.which("openssl") is None, reason="there is no openssl")
def test_clients_people_use_are_served_and_old_versions_are_not(
    models: Models, authority: Authority, tmp_path: Path
) -> None:
    pairs = [
        authority.issue("first"),
        authority.issue("exact", "api.example.com"),
        authority.issue("wild", "*.example.com"),
    ]
    with running_gateway(with_tls(models[0].url, pairs), tmp_path) as gateway:
        client = openai.OpenAI(
            base_url=f"https://localhost:{gateway.data}/v1",
            api_key="x",
            http_client=openai.DefaultHttpxClient(verify=authority.trusting()),
        )
        with client:
            answer = client.chat.completions.create(**QUESTION)  # type: ignore[call-overload]
        assert answer.choices[0].message.content

        url = f"https://localhost:{gateway.data}{CHAT}"
        curl = ["curl", "-sS", "--cacert", str(authority.file), "-d", "{}", url]
        told = subprocess.run(curl, capture_output=True, timeout=PATIENCE_S, check=True)
        assert json.loads(told.stdout)

        for name, subject in {
            "api.example.com": "api.example.com",
            "B.example.com": "*.example.com",
            "a.b.example.com": "localhost",
            "other.org": "localhost",
        }.items():
            said = s_client(gateway.data, "-servername", name)
            leaf = said.partition("-----END CERTIFICATE-----")[0]
            names = subprocess.run(
                ["openssl", "x509", "-noout", "-ext", "subjectAltName"],
                input=leaf[leaf.index("-----BEGIN") :] + "-----END CERTIFICATE-----\n",
                capture_output=True,
                text=True,
                check=True,
            ).stdout
            assert f"DNS:{subject}" in names
        assert "TLSv1.3" in s_client(gateway.data)
        assert "TLSv1.2" in s_client(gateway.data, "-tls1_2")
        assert "no peer certificate available" in s_client(
            gateway.data, "-tls1_1", "-cipher", "DEFAULT@SECLEVEL=0"
        )
        assert "no peer certificate available" in s_client(
            gateway.data, "-tls1_2", "-cipher", "AES128-SHA256"
        )
        assert "ALPN protocol: http/1.1" in s_client(
            gateway.data, "-alpn", "h2,http/1.1"
        )
        until("refused ones are counted", lambda: failed_handshakes(gateway) >= 2)


def refused(gateway: Gateway, words: str) -> None:
    """Demand that a reload changes nothing, and says why."""
    status, answer = reload_of(gateway)
    assert status == 422, answer
    assert words in answer["error"]["message"]


class Load:
    """Requests over TLS, each on a connection of its own, until it is stopped."""

    def __init__(self, port: int, authority: Authority) -> None:
        self._port = port
        self._context = authority.trusting()
        self._stopped = threading.Event()
        self.statuses: list[int] = []
        self.failures: list[Exception] = []
        self._threads = [threading.Thread(target=self._ask) for _ in range(2)]
        for thread in self._threads:
            thread.start()

    def _ask(self) -> None:
        while not self._stopped.is_set():
            one = HTTPSConnection(
                "127.0.0.1", self._port, timeout=PATIENCE_S, context=self._context
            )
            try:
                one.request("POST", CHAT, json.dumps(QUESTION))
                answer = one.getresponse()
                answer.read()
                self.statuses.append(answer.status)
            except (OSError, ssl.SSLError) as error:
                self.failures.append(error)
            finally:
                one.close()

    def stop(self) -> None:
        self._stopped.set()
        for thread in self._threads:
            thread.join(PATIENCE_S)


# ruff: ignore[too-many-statements] one story, whose steps share a gateway under load
def test_a_renewed_certificate_is_taken_up_under_load_and_a_bad_one_never(
    models: Models, authority: Authority, tmp_path: Path
) -> None:
    pair = authority.issue("server")
    with running_gateway(with_tls(models[0].url, pair), tmp_path) as gateway:
        held = HTTPSConnection(
            "127.0.0.1",
            gateway.data,
            timeout=PATIENCE_S,
            context=authority.trusting(),
        )
        held.request("POST", CHAT, json.dumps(QUESTION))
        assert held.getresponse().read()
        load = Load(gateway.data, authority)
        try:
            for _ in range(3):
                before = shown(gateway.data, authority)
                authority.issue("server")
                assert shown(gateway.data, authority) == before
                assert reload_of(gateway)[0] == 200
                assert shown(gateway.data, authority) != before
            good = shown(gateway.data, authority)
            authority.issue("other")
            shutil.copy(tmp_path / "other.key", pair["key"])
            refused(gateway, "the key is of another certificate")
            authority.issue("server", not_after=LONG_AGO)
            refused(gateway, "ended on 2020")
            assert shown(gateway.data, authority) == good
            Path(pair["key"]).unlink()
            gateway.tell(signal.SIGHUP)
            until("it is told", lambda: "No such file" in gateway.log())
            assert shown(gateway.data, authority) == good
        finally:
            load.stop()
        held.request("POST", CHAT, json.dumps(QUESTION))
        assert held.getresponse().status == 200
        held.close()
        assert not load.failures
        assert set(load.statuses) == {200}
        key = (tmp_path / "other.key").read_text().splitlines()[1]
        assert key not in gateway.log()


def test_the_admin_api_speaks_tls_and_commands_ask_it(
    models: Models, authority: Authority, tmp_path: Path
) -> None:
    soon = datetime.fromtimestamp(time.time(), UTC) + timedelta(days=3, hours=1)  # ruff: ignore[banned-api]: the clock of certificates
    pair = authority.issue("admin", not_after=soon)
    admin = {"listen": "127.0.0.1:0", "tls": pair}
    document = {**configuration([models[0].url]), "admin": admin}
    with running_gateway(document, tmp_path) as gateway:

        def said(*arguments: str) -> tuple[int, str]:
            told = subprocess.run(
                [COMMAND, *arguments, "--admin", f"https://localhost:{gateway.admin}"],
                capture_output=True,
                text=True,
                timeout=PATIENCE_S,
                check=False,
            )
            return told.returncode, told.stdout + told.stderr

        code, text = said("status", "--ca", str(authority.file))
        assert code == 0
        assert "ends in 3 days" in " ".join(text.split())
        code, text = said("status")
        assert code == 1
        assert "--ca" in text
        before = shown(gateway.admin, authority)
        authority.issue("admin")
        assert said("reload", "--ca", str(authority.file))[0] == 0
        until("renewed", lambda: shown(gateway.admin, authority) != before)
        assert "ends in 3 days" not in said("status", "--ca", str(authority.file))[1]
        assert "ends in 3 days" in gateway.log()
