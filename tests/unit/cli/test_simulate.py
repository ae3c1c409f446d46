"""`sluicegate simulate`: what a plan needs, said before it begins."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from gateway.cli.main import main

CONFIG = """
listen: 127.0.0.1:8080
admin: {listen: 127.0.0.1:8081}
state: sqlite:state.db
services:
  chat:
    sticky: [{header: x-user-id}]
    versions:
      v1: {endpoints: [http://127.0.0.1:9001]}
      v2: {endpoints: [http://127.0.0.1:9002]}
    baseline: v1
    candidate: v2
    rollout:
      analysis:
        metrics: [{signal: error_rate}, {signal: duration}]
"""

Command = Callable[..., tuple[int, str]]


@pytest.fixture
def simulate(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Command:
    """Give the command on a file with this text; it gives exit code and output."""

    def run(*options: str, config: str = CONFIG) -> tuple[int, str]:
        path = tmp_path / "gateway.yaml"
        path.write_text(config)
        code = _run(["simulate", str(path), *options])
        said = capsys.readouterr()
        return code, said.out + said.err

    return run


def _run(arguments: Sequence[str]) -> int:
    with pytest.raises(SystemExit) as left:
        main(arguments)
    assert isinstance(left.value.code, int)
    return left.value.code


def test_enough_traffic_reaches_the_end_and_exits_0(simulate: Command) -> None:
    code, out = simulate("--keys-per-hour", "5000", "--exchanges", "10")

    assert code == 0
    assert "An equal v2 reaches 100 % after about" in out
    assert "step 3, 50 %, about 1,250 keys an hour" in out


def test_too_few_keys_exit_1_and_say_what_can_be_proven(simulate: Command) -> None:
    """A pipeline must not start what cannot end."""
    code, out = simulate("--keys-per-hour", "40", "--keys", "40")

    assert code == 1
    assert "will not reach 100 %" in out
    assert "What can be proven is" in out


def test_without_traffic_it_says_how_many_keys(simulate: Command) -> None:
    code, out = simulate()

    assert code == 0
    assert "needs so much evidence" in out


def test_how_well_a_judge_notices_may_be_said(simulate: Command) -> None:
    asked = ("--sensitivity", "0.8", "--specificity", "0.9", "--bad-rate", "5")

    assert simulate(*asked)[0] == 0
    assert simulate("--sensitivity", "80")[0] == 2


def test_json_has_the_same(simulate: Command) -> None:
    code, out = simulate("--keys-per-hour", "5000", "--exchanges", "10", "--json")

    document = json.loads(out)
    assert code == 0
    assert document["provable"] is True
    assert [step["share"] for step in document["steps"]] == [5_000, 25_000, 50_000]


def test_requests_without_a_key_have_no_keys_per_hour(simulate: Command) -> None:
    keyless = CONFIG.replace("sticky: [{header: x-user-id}]", "sticky: []")

    code, out = simulate("--keys-per-hour", "5000", config=keyless)

    assert code == 2
    assert "--requests-per-hour" in out
    assert simulate("--requests-per-hour", "90000", config=keyless)[0] == 0


def test_a_file_without_a_rollout_says_so(simulate: Command) -> None:
    before, _, _ = CONFIG.partition("    rollout:")

    code, out = simulate(config=before)

    assert code == 2
    assert "Give a service a `rollout` first." in out


def test_a_service_that_is_not_there_names_those_that_are(simulate: Command) -> None:
    code, out = simulate("--service", "chta")

    assert code == 2
    assert "chat" in out


def test_rollouts_of_equal_versions_are_played_by_seeded_dice(
    simulate: Command,
) -> None:
    options = ("--exchanges", "10", "--aa", "--rollouts", "2", "--seed", "5", "--json")

    code, out = simulate(*options)

    played = json.loads(out)["equal_versions"]
    assert code == 0
    assert played["rollouts"] == 2
    assert played["taken_back"] == 0
    assert simulate(*options)[1] == out


def test_check_says_in_a_line_a_step_what_the_rollout_needs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "gateway.yaml"
    path.write_text(CONFIG)

    assert _run(["check", str(path)]) == 0

    out = capsys.readouterr().out
    assert "chat, its rollout:" in out
    assert "step 2, 25 %, proof with" in out
    assert "sluicegate simulate" in out
