"""Model servers are started once for all tests of a process; gateways are not shared."""

from collections.abc import Iterator

import pytest

from tests.end_to_end.running import ModelServer, running_model_server

Models = tuple[ModelServer, ModelServer]


@pytest.fixture(scope="session")
def _running_models() -> Iterator[Models]:
    with running_model_server("v1") as one, running_model_server("v2") as other:
        yield one, other


@pytest.fixture
def models(_running_models: Models) -> Models:
    """Give the model servers of v1 and v2, well behaved, with nothing counted."""
    for server in _running_models:
        server.forget()
    return _running_models
