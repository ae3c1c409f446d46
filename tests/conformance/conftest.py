"""The running command and nginx, each before an endpoint of its own, for all cases."""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.conformance.beside import AS_PROXY, TABLE_IS_OF, nginx, program, version
from tests.conformance.endpoint import Endpoint, endpoint
from tests.conformance.table import ANSWERS
from tests.end_to_end.running import configuration, running_gateway

ANSWERED = {case.target: case.pieces for case in ANSWERS} | {
    b"/early413": (b"HTTP/1.1 413 No\r\nContent-Length: 0\r\n\r\n",)
}


@dataclass(frozen=True)
class Proxy:
    """A proxy that runs, and the endpoint behind it."""

    port: int
    behind: Endpoint


@pytest.fixture(scope="session")
def ours(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxy]:
    """Run the command."""
    with endpoint(ANSWERED) as behind:
        document = configuration([f"http://127.0.0.1:{behind.port}"])
        with running_gateway(document, tmp_path_factory.mktemp("ours")) as gateway:
            yield Proxy(gateway.data, behind)


@pytest.fixture(scope="session")
def theirs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxy]:
    """Run nginx as a proxy; skip where it is not there, or not the table's."""
    found = version(program())
    if found != TABLE_IS_OF:
        pytest.skip(f"the table is of nginx {TABLE_IS_OF}, and this is {found}")
    folder = tmp_path_factory.mktemp("theirs")
    with (
        endpoint(ANSWERED) as behind,
        nginx(AS_PROXY, folder, endpoint=behind.port) as port,
    ):
        yield Proxy(port, behind)
