"""What two parts of a document must agree on, each of which is right by itself."""

from collections.abc import Iterator
from pathlib import Path

from gateway.domain.deployment import Address, Deployment, StateAddress, StateKind
from gateway.domain.service import Endpoint, Match, Service, Version
from gateway.routing.match import fits_host, fits_path
from gateway.settings.listeners import collide, leads_to
from gateway.settings.problem import Finding


def disagreements(deployment: Deployment) -> Iterator[Finding]:
    """Find what is used twice, requests in a circle, services out of reach."""
    yield from _shared_addresses(deployment)
    yield from _circles(deployment)
    yield from _out_of_reach(deployment)
    yield from _log_over_state(deployment)
    for service in deployment.offered:
        for finding in (
            *_shared_signal_names(service),
            *_forgetful_start(service, deployment.state),
            *_tls_of_none(service),
        ):
            yield finding.below("services", service.known_as)


def _shared_addresses(deployment: Deployment) -> Iterator[Finding]:
    admin = deployment.admin.listen
    for address in deployment.listen:
        if collide(admin, address):
            yield Finding(
                what=f"found {admin}, where clients connect already (listen: {address}).",
                remedy="Give the admin API a port of its own.",
                at=("admin", "listen"),
            )


def _circles(deployment: Deployment) -> Iterator[Finding]:
    own = (*deployment.listen, deployment.admin.listen)
    for service in deployment.offered:
        for version in service.versions:
            for finding in _own_endpoints(version, own):
                yield finding.below(
                    "services", service.known_as, "versions", version.name
                )


def _own_endpoints(version: Version, own: tuple[Address, ...]) -> Iterator[Finding]:
    for number, endpoint in enumerate(version.endpoints):
        if _is_own(endpoint, own):
            yield Finding(
                what=f"found {endpoint.url}, which is this gateway.",
                remedy="Name the model server, or listen on another port.",
                at=("endpoints", number),
            )


def _is_own(endpoint: Endpoint, own: tuple[Address, ...]) -> bool:
    return any(leads_to(endpoint.host, endpoint.port, address) for address in own)


def _out_of_reach(deployment: Deployment) -> Iterator[Finding]:
    services = deployment.offered
    for number, later in enumerate(services):
        for earlier in services[:number]:
            if _takes_all(earlier.match, later.match):
                yield Finding(
                    what=f"no request can reach it: '{earlier.known_as}' above it takes "
                    "every one that fits here.",
                    remedy=f"Put it above '{earlier.known_as}', or give that one a "
                    "narrower match.",
                    at=("services", later.known_as),
                )
                break


def _takes_all(earlier: Match, later: Match) -> bool:
    """Whether whatever fits *later* fits *earlier* too."""
    return _covers_hosts(earlier.hosts, later.hosts) and _covers_paths(
        earlier.paths, later.paths
    )


def _covers_hosts(wide: tuple[str, ...], narrow: tuple[str, ...]) -> bool:
    # A pattern "*.b" as a host ends like every name below b, so fits_host tells.
    return not wide or (bool(narrow) and all(fits_host(host, wide) for host in narrow))


def _covers_paths(wide: tuple[str, ...], narrow: tuple[str, ...]) -> bool:
    if not wide or "/" in wide:
        return True
    return bool(narrow) and all(fits_path(prefix, wide) for prefix in narrow)


def _log_over_state(deployment: Deployment) -> Iterator[Finding]:
    log, state = deployment.access_log, deployment.state
    if log.path and Path(log.path) == Path(state.path):
        yield Finding(
            what=f"found {log.path}, where state is kept.",
            remedy="Give the log a file of its own: it would write into the database.",
            at=("access_log",),
        )


def _shared_signal_names(service: Service) -> Iterator[Finding]:
    measured = {*service.signals.names, *(s.name for s in service.signals.reported)}
    for place, name in enumerate(service.feedback.signals):
        if name in measured:
            yield Finding(
                what=f"found '{name}', which is measured in answers already (signals).",
                remedy="Give the feedback another name: metrics could not tell them "
                "apart.",
                at=("feedback", "signals", place),
            )


def _forgetful_start(service: Service, state: StateAddress) -> Iterator[Finding]:
    if (
        state.kind is StateKind.MEMORY
        and service.rollout is not None
        and service.rollout.autostart
    ):
        yield Finding(
            what="found autostart with a state that ends with the process: a candidate "
            "that was taken back would be started again.",
            remedy="Write `state: sqlite:state.db`, or `autostart: false`.",
            at=("rollout", "autostart"),
        )


def _tls_of_none(service: Service) -> Iterator[Finding]:
    for version in service.versions:
        if version.tls is not None and not any(e.tls for e in version.endpoints):
            yield Finding(
                what="found tls, and no endpoint whose URL begins with https://.",
                remedy="Write https:// endpoints, or take tls out.",
                at=("versions", version.name, "tls"),
            )
