"""What another user of the machine finds of a gateway that runs, and anybody who asks."""

import asyncio
import stat
from pathlib import Path

from loadtest.load.http_client import chat_request, connect
from loadtest.processes import tree
from tests.end_to_end.running import PATIENCE_S, configuration, running_gateway

SECRETS = ("the-token-of-an-operator", "the-credential-of-a-model-server")
OTHERS = stat.S_IRWXG | stat.S_IRWXO


def test_no_other_user_finds_a_secret_or_a_way_in(tmp_path: Path) -> None:
    """In no command line, which all can read; and all files are for our user alone."""
    document = configuration(["http://127.0.0.1:9"], state="sqlite:state.db")
    version = document["services"]["chat"]["versions"]["v1"]
    version["set_headers"] = {"authorization": SECRETS[1]}
    token = {"name": "me", "role": "operator", "value": SECRETS[0]}
    document["admin"]["tokens"] = [token]
    with running_gateway(document, tmp_path) as gateway:
        lines = [
            Path(f"/proc/{pid}/cmdline").read_bytes()
            for pid in tree(gateway.process.pid)
        ]
        [folder] = gateway.temporary.iterdir()
        found = [folder, *tmp_path.glob("state.db*")]
        open_to_others = [path for path in found if path.stat().st_mode & OTHERS]
        log = gateway.log()

    assert len(lines) == 3
    assert len(found) > 2
    assert not open_to_others
    for secret in SECRETS:
        assert secret.encode() not in b"".join(lines)
        assert secret not in log


async def test_a_client_is_given_nothing_of_the_admin_api(tmp_path: Path) -> None:
    """Its paths are the services' on the data port."""
    document = configuration(["http://127.0.0.1:9"])
    document["services"]["chat"]["match"] = {"paths": ["/v1"]}
    running = running_gateway(document, tmp_path)
    gateway = await asyncio.to_thread(running.__enter__)
    try:
        async with asyncio.timeout(PATIENCE_S):
            client = await connect(gateway.data)
            statuses = []
            for path in (b"/metrics", b"/api/v1/services", b"/readyz"):
                asked = chat_request("u", streamed=False)
                _first, _, rest = asked.partition(b"\r\n")
                answer = await client.exchange(b"POST %b HTTP/1.1\r\n%b" % (path, rest))
                statuses.append(answer.status)
            client.close()
    finally:
        await asyncio.to_thread(running.__exit__, None, None, None)

    assert statuses == [404, 404, 404]
