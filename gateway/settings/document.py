"""The configuration that `sluicegate serve --baseline URL --candidate URL` stands for."""


def two_endpoints(
    baseline: str,
    candidate: str | None,
    *,
    weight: float,
    listen: str,
    admin: str,
    state: str,
) -> dict[str, object]:
    """Write the smallest document that says it, for load_document.

    One service, `chat`, with the versions `v1` (the baseline) and `v2` (the candidate).

    Args:
        baseline: URL of the version that serves now.
        candidate: URL of the version under release; None for none.
        weight: The candidate's percent of keys; without a candidate it means
            nothing.
        listen: host:port for clients.
        admin: host:port for the admin API.
        state: sqlite:PATH or memory:.

    """
    versions: dict[str, object] = {"v1": {"endpoints": [baseline]}}
    service: dict[str, object] = {"versions": versions, "baseline": "v1"}
    if candidate is not None:
        versions["v2"] = {"endpoints": [candidate]}
        service |= {"candidate": "v2", "weights": {"v2": weight}}
    return {
        "listen": listen,
        "admin": {"listen": admin},
        "state": state,
        "services": {"chat": service},
    }
