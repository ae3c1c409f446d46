"""Who may operate the gateway: secrets are found, checked, and never repeated."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gateway.domain.deployment import Deployment, Role, Token
from gateway.settings.load import load_file

Load = Callable[[dict[str, Any]], Deployment]
Lines = Callable[[dict[str, Any]], list[str]]
WriteFile = Callable[[str | bytes], Path]

LONG = "0123456789abcdef"

MINIMAL = """
listen: 127.0.0.1:8080
admin: {listen: "0.0.0.0:8081", tokens: [{name: ci, role: operator, file: ci.token}]}
services: {chat: {versions: {v1: {endpoints: [http://127.0.0.1:9001]}}}}
"""


def _with(document: dict[str, Any], *tokens: dict[str, Any]) -> dict[str, Any]:
    document["admin"]["tokens"] = list(tokens)
    return document


def test_a_secret_may_come_from_the_environment(
    document: dict[str, Any], load: Load
) -> None:
    """So that it is in no file."""
    deployment = load(_with(document, {"name": "ci", "role": "app", "env": "KEY"}))

    assert deployment.admin.tokens == (
        Token(name="ci", role=Role.APP, secret="a-secret-of-the-environment"),
    )


@pytest.mark.parametrize("ending", ["", "\n", "\r\n"])
def test_a_secret_may_come_from_a_file_beside_the_configuration(
    tmp_path: Path, file: WriteFile, ending: str
) -> None:
    """One line end is the editor's, and not part of the secret."""
    (tmp_path / "ci.token").write_bytes(f"{LONG}{ending}".encode())

    deployment = load_file(file(MINIMAL), environment={}, cores=1)

    assert deployment.admin.tokens[0].secret == LONG


def test_tokens_open_the_admin_api_to_other_machines(
    document: dict[str, Any], load: Load
) -> None:
    """Without them only loopback is allowed."""
    document["admin"]["listen"] = "0.0.0.0:8081"

    deployment = load(_with(document, {"name": "a", "role": "viewer", "value": LONG}))

    assert str(deployment.admin.listen) == "0.0.0.0:8081"


@pytest.mark.parametrize(
    ("token", "place", "words"),
    [
        ({"role": "app", "value": LONG}, ".name", "missing"),
        ({"name": "a", "value": LONG}, ".role", "missing"),
        ({"name": "a", "role": "admin", "value": LONG}, ".role", "Known: viewer, app"),
        ({"name": "a b", "role": "app", "value": LONG}, ".name", "found the name"),
        ({"name": "a", "role": "app"}, "", "found none of them. Write exactly one"),
        (
            {"name": "a", "role": "app", "env": "KEY", "value": LONG},
            "",
            "found env, value",
        ),
        ({"name": "a", "role": "app", "env": "NO"}, ".env", "'NO' is not set"),
        ({"name": "a", "role": "app", "env": "EMPTY"}, ".env", "'EMPTY' is empty"),
        ({"name": "a", "role": "app", "env": "SHORT"}, ".env", "of 5 characters"),
        ({"name": "a", "role": "app", "env": "ODD"}, ".env", "control characters"),
        ({"name": "a", "role": "app", "file": "/no/such"}, ".file", "No such file"),
        ({"name": "a", "role": "app", "file": "/"}, ".file", "Is a directory"),
        ({"name": "a", "role": "app", "value": ""}, ".value", "of 0 characters"),
    ],
)
def test_a_token_that_cannot_be_used_is_refused(
    document: dict[str, Any],
    lines: Lines,
    token: dict[str, Any],
    place: str,
    words: str,
) -> None:
    """Each with its place in the list."""
    (found,) = lines(_with(document, token))

    assert found.startswith(f"admin.tokens[0]{place}: ")
    assert words in found


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is empty"),
        (b"\n", "is empty"),
        (b"\xff" * 20, "not UTF-8"),
        (b"a" * 70_000, "more than 65536 bytes"),
    ],
)
def test_a_file_that_holds_no_secret_is_refused(
    tmp_path: Path,
    document: dict[str, Any],
    lines: Lines,
    content: bytes,
    words: str,
) -> None:
    """An empty secret would let everybody in."""
    path = tmp_path / "token"
    path.write_bytes(content)

    (found,) = lines(_with(document, {"name": "a", "role": "app", "file": str(path)}))

    assert words in found


def test_two_tokens_do_not_share_a_name(document: dict[str, Any], lines: Lines) -> None:
    """The journal could not tell them apart."""
    one = {"name": "a", "role": "app", "value": LONG}

    (found,) = lines(_with(document, one, one | {"value": LONG * 2}))

    assert found.startswith("admin.tokens[1].name: found the name 'a' again.")


def test_two_tokens_do_not_share_a_secret(
    document: dict[str, Any], lines: Lines
) -> None:
    """Nobody could say which role its bearer has."""
    one = {"name": "a", "role": "app", "value": LONG}

    (found,) = lines(_with(document, one, one | {"name": "b"}))

    assert found.startswith("admin.tokens[1]: found the secret of another token")


@pytest.mark.parametrize(
    "admin",
    [
        {"tokens": [{"name": "a", "role": "app", "value": "hunter2"}]},
        {"tokens": [{"name": "a", "role": "app", "value": "hunter2 is my dear one"}]},
        {"tokens": [{"name": "a", "role": "app", "value": ["hunter2"]}]},
        {"tokens": ["hunter2"]},
        {"tokens": "hunter2"},
    ],
)
def test_a_secret_is_not_repeated_in_a_message(
    document: dict[str, Any], lines: Lines, admin: dict[str, Any]
) -> None:
    """Messages end up in logs."""
    document["admin"] |= admin

    assert "hunter2" not in "".join(lines(document))


@pytest.mark.parametrize(
    "version",
    [
        {"set_headers": {"Authorization": "hunter2\n"}},
        {"set_headers": {"Authorization": ["hunter2"]}},
        {"set_headers": "hunter2"},
        {"endpoints": ["http://me:hunter2@host/"]},
        {"endpoints": ["me:hunter2@host"]},
    ],
)
def test_a_credential_for_the_upstream_is_not_repeated_either(
    document: dict[str, Any], lines: Lines, version: dict[str, Any]
) -> None:
    """Wherever it was put by mistake."""
    document["services"]["chat"]["versions"]["v1"] |= version

    assert "hunter2" not in "".join(lines(document))
