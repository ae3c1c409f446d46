"""The example of a scorer in the README, run as it stands."""

import re
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from gateway.domain.evaluation import Evaluator, EvaluatorKind, Score
from gateway.evaluators.plugs import judge_of
from tests.unit.evaluators.exchanges import exchange

README = Path(__file__).parents[3] / "gateway" / "evaluators" / "README.md"


@pytest.fixture
def url(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Run the example, on a port that is free."""
    found = re.search(r"```python\n(.*?)```", README.read_text(), re.DOTALL)
    assert found
    names: dict[str, Any] = {"__name__": "example"}
    exec(compile(found[1], "README.md", "exec"), names)
    scorer: type[BaseHTTPRequestHandler] = names["Scorer"]
    monkeypatch.setattr(scorer, "log_message", lambda *_: None)
    with HTTPServer(("127.0.0.1", 0), scorer) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/any"
        server.shutdown()
        thread.join()


async def test_the_example_is_a_scorer(url: str) -> None:
    judge = judge_of(
        Evaluator(
            name="own",
            kind=EvaluatorKind.HTTP,
            scores=(Score(name="grounded"),),
            url=url,
        )
    )

    grounded = await judge.judge(
        exchange("the shop opens", context=("The shop opens",))
    )
    made_up = await judge.judge(exchange("bananas keep well"))
    unknown = await judge.judge(exchange(context=()))

    assert grounded.scores == {"grounded": 1.0}
    assert made_up.scores == {"grounded": 0.0}
    assert unknown.scores == {"grounded": None}
    await judge.close()


def test_it_is_as_short_as_it_claims_to_be() -> None:
    found = re.search(r"```python\n(.*?)```", README.read_text(), re.DOTALL)

    assert found
    assert len([line for line in found[1].splitlines() if line.strip()]) <= 20
