"""What the admin API says of whether a version, and each endpoint of it, answers."""

import msgspec


class EndpointView(msgspec.Struct, kw_only=True, frozen=True):
    """One endpoint, and how workers see it; `state` is the worst of that."""

    url: str
    state: str
    address: str | None = None
    healthy: bool | None = None
    back_in_seconds: float | None = None
    workers: dict[str, int] = {}


class StandbyView(msgspec.Struct, kw_only=True, frozen=True):
    """Whether a version answers, and how often another did in its place.

    Attributes:
        answered_seconds_ago: Since an answer below 500 began; None: there was none.
        workers_diverting: That send its requests to the baseline now.
        diverted: Requests that they sent there.
        failovers: Requests that it failed at and the baseline answered, by how.
        failovers_refused: Those that it did not, by what was in the way.

    """

    answered_seconds_ago: float | None = None
    workers_diverting: int = 0
    diverted: int = 0
    failovers: dict[str, int] = {}
    failovers_refused: dict[str, int] = {}

    def line(self, name: str, baseline: str, baseline_age: float | None) -> str | None:
        """Say it in a line; None where there is nothing to say."""
        said = []
        if self.workers_diverting:
            age = "never" if baseline_age is None else f"{baseline_age:.1f} s ago"
            workers = f"{self.workers_diverting} worker(s)"
            said.append(f"diverted by {workers} ({baseline} last answered {age})")
        elif self.diverted:
            said.append(f"{self.diverted} diverted")
        if self.failovers:
            whys = ", ".join(f"{n} {why}" for why, n in sorted(self.failovers.items()))
            said.append(f"failed over: {whys}")
        if self.failovers_refused:
            ways = sorted(self.failovers_refused.items())
            said.append("not for " + ", ".join(f"{way}: {n}" for way, n in ways))
        return f"{name}: {'; '.join(said)}" if said else None
