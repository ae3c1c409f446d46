"""What reading a signal costs: CPU time per exchange, by length of the answer.

    python -m loadtest.signals

Each signal is measured alone, on exchanges that are all different, so that what one
exchange left in a cache does not help the next; a schema is compiled once, as in
service. The least of several rounds counts: the rest is what else the machine did.
"""

import argparse
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final, TypeAlias

from gateway.answers.answer import Answer, Finish
from gateway.answers.asked import Asked
from gateway.answers.signal_plan import SignalPlan
from gateway.answers.signals import SIGNALS
from loadtest.report import machine

_RESULTS: Final = Path(__file__).with_name("results")
_LENGTHS: Final = (350, 2_000, 20_000)
_PROMPT: Final = 300
_PASSAGES: Final = 5
_PASSAGE: Final = 1_400
_EXCHANGES: Final = 8
_TURNS: Final = 4  # of all exchanges, between two looks at the clock
_ROUNDS: Final = 7
_MEMBER: Final = 62  # characters of one member of a JSON text, about
_ROUND_S: Final = 0.05
_MICRO: Final = 1e6

_SCHEMA: Final = b"""{"type": "object", "additionalProperties": {"type": "object",
"properties": {"name": {"type": "string"}, "count": {"type": "integer"}},
"required": ["name", "count"]}}"""
_JSON_SIGNALS: Final = frozenset({"json_validity", "schema_validity"})
_PLAN: Final = ("refusal", "repetition", "json_validity")

# Words of many lengths; each exchange takes them up at another place and stride.
_TEXT: Final = (
    "the gateway sends every user to one version of the model and keeps them there while"
    " its weight stands because a conversation that changes hands halfway tells nobody"
    " which model was better at 42 or 1,250 requests per second; when latency or errors"
    " rise, traffic returns to the baseline within milliseconds and nobody needs to wake"
)
_WORDS: Final = _TEXT.split()

Exchange: TypeAlias = tuple[Asked, Answer]


def _prose(length: int, place: int) -> str:
    """Write prose that neither loops nor repeats itself word for word."""
    words = []
    written = 0
    step = 1 + 2 * place
    while written < length:
        place = (place * 31 + step) % (len(_WORDS) * 7 + 4)
        step += 1
        words.append(_WORDS[place % len(_WORDS)])
        written += len(words[-1]) + 1
    return " ".join(words)[:length]


def _document(length: int, place: int) -> str:
    """Write a JSON text of about that length."""
    members = {}
    for number in range(max(1, length // _MEMBER)):
        name = _prose(20, place + number)
        members[f"member {number}"] = {"name": name, "count": number * place}
    return json.dumps(members)


def _exchange(name: str, length: int, place: int) -> Exchange:
    """Make an exchange that a signal has something to say about."""
    asked = Asked(
        wants_json=name in _JSON_SIGNALS,
        schema=_SCHEMA if name == "schema_validity" else None,
        tools={"find": _SCHEMA},
        prompt=_prose(_PROMPT, place),
        context=tuple(_prose(_PASSAGE, place + n) for n in range(_PASSAGES)),
    )
    answer = Answer()
    answer.finish(0, Finish.STOP)
    answer.content_events = 1
    if name == "tool_call_validity":
        answer.call(0, "find", _document(length, place))
    else:
        is_json = name in _JSON_SIGNALS
        answer.text.add((_document if is_json else _prose)(length, place))
    return asked, answer


def _cost_us(
    measure: Callable[[Asked, Answer], object], exchanges: list[Exchange]
) -> float:
    """Give the CPU microseconds of one call."""
    least = float("inf")
    for asked, answer in exchanges:
        measure(asked, answer)
    for _ in range(_ROUNDS):
        calls = 0
        start = now = time.thread_time()
        while now - start < _ROUND_S:
            for asked, answer in exchanges * _TURNS:
                measure(asked, answer)
            calls += len(exchanges) * _TURNS
            now = time.thread_time()
        least = min(least, (now - start) / calls)
    return least * _MICRO


def _costs(name: str, measure: Callable[[Asked, Answer], object]) -> dict[str, float]:
    return {
        str(length): round(
            _cost_us(
                measure, [_exchange(name, length, n) for n in range(1, _EXCHANGES + 1)]
            ),
            2,
        )
        for length in _LENGTHS
    }


def _plan_costs() -> dict[str, float]:
    plan = SignalPlan(_PLAN, 1.0, 1.0)
    clock = time.thread_time
    return _costs("", lambda asked, answer: plan.measure(asked, answer, True, clock))


def _row(name: str, costs: dict[str, float]) -> str:
    cells = " | ".join(f"{cost:,.2f}" for cost in costs.values())
    return f"| {name} | {cells} |"


def main() -> None:
    """Measure, print a table, write signals.json."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--results", type=Path, default=_RESULTS)
    folder: Path = options.parse_args().results
    costs = {name: _costs(name, signal.measure) for name, signal in SIGNALS.items()}
    plan = _plan_costs()
    heads = " | ".join(f"{length:,} characters" for length in _LENGTHS)
    print(f"| CPU \N{MICRO SIGN}s | {heads} |")
    print("|---" * (len(_LENGTHS) + 1) + "|")
    for name, of_signal in costs.items():
        print(_row(f"`{name}`", of_signal))
    print(_row("one plan of " + ", ".join(_PLAN), plan))
    folder.mkdir(parents=True, exist_ok=True)
    record = {
        "machine": machine(),
        "context": _PASSAGE * _PASSAGES,
        "signals_us": costs,
        "plan": list(_PLAN),
        "plan_us": plan,
    }
    (folder / "signals.json").write_text(json.dumps(record, indent=1) + "\n")


if __name__ == "__main__":
    main()
