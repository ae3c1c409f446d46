"""Two equal versions for ten minutes: nothing happens; then a fault, which is caught.

In the same harness, so that the silence is no proof of a deaf ear.
"""

import time
from pathlib import Path

import pytest

from tests.end_to_end.audience import Audience
from tests.end_to_end.releases import plant, release, running_release
from tests.end_to_end.running import ModelServer, tell

Models = tuple[ModelServer, ModelServer]

_QUIET_S = 600.0
_KEYS = 25_000
_LEAST_KEYS = 20_000
_LOOK_EVERY_S = 5.0


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_equal_versions_are_left_alone_and_a_fault_behind_them_is_caught(
    models: Models, tmp_path: Path
) -> None:
    for server in models:
        server.forget()
        plant(server, first_token=0.01, spread=0.5, error=0.01, refusals=0.02)
    steps = [{"setWeight": 50}, {"pause": {}}]
    document = release(
        models,
        rollout={"steps": steps},
        analysis={"window": "60s"},
        state=f"sqlite:{tmp_path / 'state.db'}",
    )
    with (
        running_release(document, tmp_path) as running,
        Audience(running.gateway.data, rate=300, keys=_KEYS, clients=32) as audience,
    ):
        running.start()
        running.until_step(1)
        until_then = time.monotonic() + _QUIET_S
        while time.monotonic() < until_then:
            assert running.phase in {"progressing", "paused"}, running.decision()
            time.sleep(_LOOK_EVERY_S)
        found = running.analysis()
        tell(f"{len(audience.visits)} requests, {found['evidence']['units']} units")
        highest = max(found["metrics"], key=lambda one: one["log_e"])
        tell(f"highest evidence: {highest['metric']} {highest['log_e']:.2f}")

        planted = plant(models[1], error=0.3)
        running.until_phase("rolled_back", within_s=120)

        decision = running.decision()
        tell(f"caught {time.monotonic() - planted:.1f} s after its onset")
        tell(decision["body"]["said"])
        assert decision["body"]["findings"][0]["metric"] == "error_rate"
        units = found["evidence"]["units"]
        assert units["baseline"] + units["candidate"] > _LEAST_KEYS
    for server in models:
        server.forget()
