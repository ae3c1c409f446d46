"""The aiohttp proxy as a peer: what asyncio costs without care for the byte path."""

from collections.abc import Sequence
from pathlib import Path

from loadtest.peers.peer import Peer, Site

_SCRIPT = Path(__file__).with_name("aiohttp_proxy.py")


def _prepare(site: Site, program: str) -> Sequence[str]:
    ports = [site.listen, *site.upstreams]
    return [program, str(_SCRIPT), *(str(port) for port in ports)]


AIOHTTP = Peer(
    name="aiohttp",
    program="python",
    variable="LOADTEST_PYTHON",
    prepare=_prepare,
)
