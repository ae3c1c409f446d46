"""A small valid document, and ways to change, load and refuse it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from gateway.domain.deployment import Deployment
from gateway.domain.errors import BadConfiguration
from gateway.settings.load import load_document
from gateway.settings.problem import RejectedDocument

Document = dict[str, Any]

SECRET: Final = "a-secret-of-the-environment"
CORES: Final = 4


def _small() -> Document:
    return {
        "listen": "127.0.0.1:8080",
        "admin": {"listen": "127.0.0.1:8081"},
        "services": {
            "chat": {
                "versions": {
                    "v1": {"endpoints": ["http://127.0.0.1:9001"]},
                    "v2": {"endpoints": ["http://127.0.0.1:9002"]},
                },
                "baseline": "v1",
                "candidate": "v2",
            }
        },
    }


@pytest.fixture
def document() -> Document:
    """Give a valid document of one service and two versions."""
    return _small()


@pytest.fixture
def written() -> Callable[[str, str], Document]:
    """Write YAML into the small document: at `top`, `service` or `version`."""

    def write(level: str, text: str) -> Document:
        document = _small()
        service = document["services"]["chat"]
        places = {
            "top": document,
            "service": service,
            "version": service["versions"]["v1"],
        }
        places[level] |= yaml.safe_load(text)
        return document

    return write


@pytest.fixture
def load() -> Callable[[Document], Deployment]:
    """Load a document with one variable in the environment."""

    def read(document: Document) -> Deployment:
        return load_document(
            document,
            source="gateway.yaml",
            environment={
                "KEY": SECRET,
                "EMPTY": "",
                "SHORT": "short",
                "ODD": "a\nb" * 9,
            },
            cores=CORES,
        )

    return read


@pytest.fixture
def lines(load: Callable[[Document], Deployment]) -> Callable[[Document], list[str]]:
    """Give the lines of a document's refusal, without the file's name."""

    def refuse(document: Document) -> list[str]:
        with pytest.raises(BadConfiguration) as caught:
            load(document)
        assert isinstance(caught.value, RejectedDocument)
        found = str(caught.value).splitlines()
        assert len(found) == len(caught.value.problems)
        return [line.removeprefix("gateway.yaml: ") for line in found]

    return refuse


@pytest.fixture
def file(tmp_path: Path) -> Callable[[str | bytes], Path]:
    """Write a configuration file."""

    def write(content: str | bytes) -> Path:
        path = tmp_path / "gateway.yaml"
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return write
