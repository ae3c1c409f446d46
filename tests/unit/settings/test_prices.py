"""Prices by name: as the installed package has them, without the network."""

import importlib
import socket
import sys
import threading
from collections.abc import Callable
from typing import Any

import pytest

from gateway.domain.deployment import Deployment
from gateway.domain.price import Price
from gateway.settings.prices import known_provider, price_of
from gateway.settings.problem import Wrong

Write = Callable[[str, str], dict[str, Any]]
Load = Callable[[dict[str, Any]], Deployment]
Lines = Callable[[dict[str, Any]], list[str]]


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
    ("model", "provider", "told", "near"),
    [
        ("no-such-model", None, "'no-such-model'", ""),
        ("gpt-4o-mni", None, "'gpt-4o-mni'", "Did you mean 'gpt-4o-mini'?"),
        ("gpt-4o-mini", "anthropic", "'gpt-4o-mini' of anthropic", ""),
        ("claude-opus-5o", "anthropic", "of anthropic", "Did you mean 'claude-opus"),
    ],
)
def test_an_unknown_name_is_refused(
    model: str, provider: str | None, told: str, near: str
) -> None:
    """And one that is like it named, for a slip of the finger is the usual cause."""
    with pytest.raises(Wrong, match=told) as caught:
        price_of(model, provider=provider)

    (finding,) = caught.value.findings
    assert near in finding.remedy
    assert "{input: 0.15, output: 0.60}" in finding.remedy


def test_an_unknown_provider_is_refused_by_the_list_of_those_there_are() -> None:
    with pytest.raises(Wrong, match="unknown provider 'opnai'") as caught:
        known_provider("opnai")

    assert known_provider("openai") == "openai"
    assert "Did you mean 'openai'?" in caught.value.findings[0].remedy


def test_without_the_package_it_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def missing(name: str) -> None:
        raise ModuleNotFoundError(f"No module named '{name}'", name=name)

    monkeypatch.setattr(importlib, "import_module", missing)

    with pytest.raises(Wrong, match="genai-prices") as caught:
        price_of("gpt-4o-mini")

    assert "pip install 'sluicegate[prices]'" in caught.value.findings[0].remedy


@pytest.mark.parametrize(
    "text",
    [
        "price: {model: gpt-4o-mini}",
        "price: {model: gpt-4o-mini, provider: openai}",
        "{price: auto, set_json: {/model: gpt-4o-mini}}",
    ],
)
def test_a_version_priced_by_name_carries_numbers(
    written: Write, load: Load, text: str
) -> None:
    """So that neither a worker nor the last table needs the package."""
    version = load(written("version", text)).services[0].versions[0]

    assert version.price == price_of("gpt-4o-mini", provider="openai")


@pytest.mark.parametrize(
    ("text", "place", "words"),
    [
        ("price: auto", "price", "set_json of this version sets no name at /model"),
        ("{price: auto, set_json: {/model: 4}}", "price", "Write set_json: {/model:"),
        ("{price: auto, set_json: {/model: my-own}}", "price", "model 'my-own'"),
        ("{price: auto, set_json: {model: x}}", "set_json.model", "no JSON pointer"),
        ("price: {model: gpt-4o-mni}", "price.model", "Did you mean 'gpt-4o-mini'?"),
        ("price: {model: 4}", "price.model", "If that is meant as text, quote it."),
        ("price: {provider: openai}", "price.model", "such as `model: gpt-4o-mini`"),
        (
            "price: {model: gpt-4o-mini, provider: opnai}",
            "price.provider",
            "Did you mean 'openai'?",
        ),
        ("price: {mdel: gpt-4o-mini}", "price", "Did you mean 'model'?"),
        ("price: {cached: 1}", "price", "Did you mean 'cached_input'?"),
        ("price: {model: gpt-4o-mini, input: 1}", "price", "numbers beside the name"),
        ("price: gpt-4o-mini", "price", "{model: gpt-4o-mini}; or auto"),
    ],
)
def test_a_name_without_a_price_is_refused_where_it_stands(
    written: Write, lines: Lines, text: str, place: str, words: str
) -> None:
    (found,) = lines(written("version", text))

    assert found.startswith(f"services.chat.versions.v1.{place}: ")
    assert words in found


def test_without_the_package_the_line_says_where_and_what_to_install(
    written: Write, lines: Lines, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A module that is None cannot be imported, as one that is not installed."""
    monkeypatch.setitem(sys.modules, "genai_prices", None)

    (found,) = lines(written("version", "price: {model: gpt-4o-mini}"))

    assert found.startswith(
        "services.chat.versions.v1.price.model: prices by name need"
    )
    assert "pip install 'sluicegate[prices]'" in found


def test_prices_in_numbers_do_not_need_the_package(
    written: Write, load: Load, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "genai_prices", None)

    document = written("version", "price: {input: 1, output: 2}")

    assert load(document).services[0].versions[0].price == Price(input=1.0, output=2.0)
