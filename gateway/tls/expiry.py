"""Until when certificates are valid, and what else of TLS people are to be told."""

from collections.abc import Iterator
from dataclasses import dataclass
from time import gmtime, strftime
from typing import Final

from gateway.domain.deployment import Deployment
from gateway.domain.errors import BadConfiguration
from gateway.domain.tls import Certificate, ServerTls
from gateway.domain.units import Seconds

WARN_S: Final = 14 * 86_400.0
_DAY_S: Final = 86_400.0


@dataclass(frozen=True, slots=True)
class InUse:
    """A certificate and what it is used for: `listen`, `admin`, `upstream`."""

    use: str
    certificate: Certificate


def certificates_of(deployment: Deployment) -> list[InUse]:
    """Give every certificate of a configuration, each once for each use."""
    return list(dict.fromkeys(_all(deployment)))


def _all(deployment: Deployment) -> Iterator[InUse]:
    for tls in deployment.listen_tls:
        yield from _server("listen", tls)
    yield from _server("admin", deployment.admin.tls)
    for service in deployment.offered:
        for version in service.versions:
            if version.tls is not None and version.tls.certificate is not None:
                yield InUse("upstream", version.tls.certificate)


def _server(use: str, tls: ServerTls | None) -> Iterator[InUse]:
    for certificate in () if tls is None else tls.certificates:
        yield InUse(use, certificate)


def expiring(deployment: Deployment, now: float) -> list[str]:
    """Say which certificates end within WARN_S, or have ended."""
    paths: dict[str, Seconds] = {}
    for used in certificates_of(deployment):
        left = Seconds(used.certificate.not_after - now)
        if left < WARN_S:
            paths[used.certificate.certificate] = left
    return [_ending(path, left) for path, left in paths.items()]


def _ending(path: str, left: Seconds) -> str:
    if left <= 0:
        what = f"The certificate {path} is no longer valid: clients refuse it."
    else:
        days = int(left // _DAY_S)
        when = "within a day" if not days else f"in {days} day{'s'[: days > 1]}"
        what = f"The certificate {path} ends {when}."
    return f"{what} Put a new one in its place, and reload."


def unverified(deployment: Deployment) -> list[str]:
    """Say to which endpoints anybody may play the endpoint."""
    return [
        f"The endpoints of {service.known_as}, {version.name} are not verified"
        " (tls.verify: false): whoever stands between reads and changes what is said"
        " to them. Name their authority with tls.ca instead."
        for service in deployment.offered
        for version in service.versions
        if version.tls is not None and not version.tls.verify
    ]


def demand_valid(
    deployment: Deployment, now: float, *, before: Deployment | None = None
) -> None:
    """Refuse certificates that have ended, but for those in use *before*.

    Raises:
        BadConfiguration: Names them.

    """
    known = () if before is None else certificates_of(before)
    ended = {
        used.certificate.certificate: date(used.certificate.not_after)
        for used in certificates_of(deployment)
        if used.certificate.not_after <= now and used not in known
    }
    if ended:
        raise BadConfiguration(
            "; ".join(
                f"The certificate {path} ended on {date}"
                for path, date in ended.items()
            )
            + "; nothing was changed.",
            remedy="Put one that is valid in its place.",
        )


def date(at: Seconds) -> str:
    """Write a time for people."""
    return strftime("%Y-%m-%d %H:%M UTC", gmtime(at))
