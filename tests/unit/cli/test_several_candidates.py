"""What commands print of several candidates, and with which code they leave."""

import io
import json
from typing import Any

import pytest
import typer
from rich.console import Console

from gateway.cli import rollout
from gateway.cli.admin_api import AdminApi
from gateway.cli.status import status_of
from gateway.cli.views import ServiceView, read

Json = dict[str, Any]

WORKERS = {"configured": 1, "connected": 1, "in_force": 1}


class _Scripted(AdminApi):
    """Begins with what it is told to, and answers each look with the next phases."""

    def __init__(self, began: list[str | None], *looks: list[str]) -> None:
        super().__init__("127.0.0.1:1")
        self._began = began
        self._looks = iter(looks)

    def act(
        self, name: str, action: str, *, reason: str = "", full: bool = False
    ) -> object:
        lanes = [
            {"name": f"{name}:{number}", "said": action, "error": error}
            for number, error in enumerate(self._began)
        ]
        said = {"service": name, "said": action, "weights": {}, "durable": True}
        return {
            **said,
            "workers": WORKERS,
            "lanes": lanes,
            "by": (reason, full),
        }

    def analysis(self, name: str) -> object:
        phases = next(self._looks)
        lanes = [{"service": name, "rollout": {"phase": phase}} for phase in phases]
        return {"lanes": lanes}

    def service(self, name: str) -> object:
        return {"name": name}


def _begins(
    monkeypatch: pytest.MonkeyPatch,
    began: list[str | None],
    *looks: list[str],
    as_json: bool = True,
) -> int:
    api = _Scripted(began, *looks)
    monkeypatch.setattr(rollout, "_LOOK_EVERY_S", 0.0)
    with pytest.raises(typer.Exit) as left:
        rollout._begin("chat", "start", wait=True, reason="", api=api, as_json=as_json)
    return left.value.exit_code


def test_what_has_not_begun_is_not_waited_for(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The one document says what failed then."""
    code = _begins(monkeypatch, [None, "store_unavailable"])

    assert code == 1
    lanes = json.loads(capsys.readouterr().out)["lanes"]
    assert lanes[1]["error"] == "store_unavailable"


@pytest.mark.parametrize("as_json", [True, False])
def test_a_lane_that_cannot_begin_is_waited_for_no_longer_than_the_others(
    monkeypatch: pytest.MonkeyPatch, *, as_json: bool
) -> None:
    looks = (["progressing", "idle"], ["idle", "idle"], ["promoted", "idle"])

    assert _begins(monkeypatch, [None, "not_allowed_now"], *looks, as_json=as_json) == 0


def test_status_tells_of_each_candidate_what_protects_it() -> None:
    def lane(name: str, protection: str) -> Json:
        on = {"phase": "progressing", "attempt": 1, "protection": protection}
        return {"name": f"chat:{name}", "candidate": name, "rollout": on}

    view: Json = {
        "name": "chat",
        "weights": {},
        "revision": 1,
        "versions": {},
        "lanes": [lane("A", "analysing"), lane("B", "off")],
    }
    out = io.StringIO()
    Console(file=out, width=80).print(status_of([read(ServiceView, view)]))
    lines = [line.strip() for line in out.getvalue().splitlines()]

    assert [line for line in lines if line.startswith("protection: ")] == [
        "protection: analysing",
        "protection: off",
    ]
