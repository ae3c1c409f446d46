"""Prices by name: as the installed package has them, without the network."""

import importlib
import socket
import threading

import pytest

from gateway.domain.errors import BadConfiguration
from gateway.settings.prices import price_of


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every connection and every look-up of an address fail."""

    def refuse(*_arguments: object) -> None:
        raise AssertionError("It tried to reach the network.")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


def test_a_known_model_has_a_price_for_each_kind_of_token() -> None:
    price = price_of("gpt-4o-mini")

    assert 0 < (price.cached_input or 0) < price.input < price.output


def test_a_price_in_steps_is_taken_at_its_first() -> None:
    price = price_of("gemini-2.5-pro", provider="google")

    assert 0 < price.input < price.output


def test_a_look_up_leaves_nothing_running() -> None:
    """The package can fetch newer prices in a thread; not here."""
    before = set(threading.enumerate())

    price_of("gpt-4o-mini")

    assert set(threading.enumerate()) == before


@pytest.mark.parametrize(
    ("model", "provider", "told"),
    [
        ("no-such-model", None, "'no-such-model'"),
        ("gpt-4o-mini", "nobody", "'gpt-4o-mini' of nobody"),
    ],
)
def test_an_unknown_name_is_refused(
    model: str, provider: str | None, told: str
) -> None:
    with pytest.raises(BadConfiguration, match=told):
        price_of(model, provider=provider)


def test_without_the_package_it_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def missing(name: str) -> None:
        raise ModuleNotFoundError(f"No module named '{name}'", name=name)

    monkeypatch.setattr(importlib, "import_module", missing)

    with pytest.raises(BadConfiguration, match=r"pip install 'sluicegate\[prices\]'"):
        price_of("gpt-4o-mini")
