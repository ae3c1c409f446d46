"""A service as operators see it, in JSON values.

No secret can get out: what is shown is named one by one.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from urllib.parse import urlsplit

from gateway.admin.ports import Evidence
from gateway.admin.statistics import Json, by_segment, statistics
from gateway.admin.times import iso
from gateway.analysis.sums import SlicedSum, Sum
from gateway.domain.service import Service, StickySource, Version
from gateway.domain.units import percent_from_share
from gateway.handoff.routing_table import RoutedService, percents_of
from gateway.state.store import Change
from gateway.telemetry.endpoints import EndpointSeen
from gateway.telemetry.traffic import Slices, Traffic, VersionTraffic


def service_view(
    lanes: Sequence[RoutedService],
    *,
    epoch: int,
    change: Change | None,
    traffic: Traffic,
    feedback: Callable[[str, str], Mapping[str, SlicedSum]],
    evidence: Evidence,
) -> Json:
    """Show a service: how it is split, and how each version does.

    Nothing is said of the segments of its traffic where no slices were added up. Where
    there are several candidates, who is one and how it stands is told lane by lane.
    """
    service, is_one = lanes[0].service, len(lanes) == 1
    name, percents = service.known_as, percents_of(lanes)
    return {
        "name": name,
        "baseline": service.baseline,
        "candidate": service.candidate if is_one else None,
        "weights": percents,
        "configured_weight": percent_from_share(service.configured_share),
        "revision": sum(lane.revision for lane in lanes),
        "epoch": epoch,
        "salt": lanes[0].salt if is_one else None,
        "sticky": [_sticky(source) for source in service.sticky],
        "changed": changed_view(change),
        "evidence_age_seconds": evidence.age(name),
        "versions": {
            version.name: {
                "role": _role(service, version),
                "weight": percents[version.name],
                "endpoints": [without_secrets(each.url) for each in version.endpoints],
                **_seen(traffic, name, version.name),
                "evidence": {
                    "units": evidence.units(name, version.name),
                    "pairs": evidence.pairs(name, version.name),
                },
                "feedback": sums_view(feedback(name, version.name)),
                "standby": _standby(traffic, name, version.name),
            }
            for version in service.versions
        },
    }


def _seen(traffic: Traffic, service: str, version: str) -> Json:
    endpoints = traffic.endpoints.get((service, version), ())
    return {
        "endpoint_health": endpoints_view(endpoints),
        "statistics": statistics(traffic.of(service, version)),
    }


def _standby(traffic: Traffic, service: str, version: str) -> Json:
    """Show whether a version answers, and how often another did in its place."""
    own, name = traffic.of(service, version), (service, version)
    return {
        "answered_seconds_ago": traffic.answered_age.get(name),
        "workers_diverting": traffic.diverting[name],
        "diverted": own.diverted,
        "failovers": dict(own.failovers),
        "failovers_refused": dict(own.uncovered),
        "answered_for_others": statistics(
            traffic.covered.get(name) or VersionTraffic()
        ),
    }


def segments_view(service: Service, slices: Mapping[str, Slices]) -> Json:
    """Show how each version does in the segments of the traffic.

    Args:
        service: Its definition.
        slices: By version.

    """
    return {
        version.name: by_segment(service.segments, slices.get(version.name, {}))
        for version in service.versions
    }


def _role(service: Service, version: Version) -> str | None:
    if version.name == service.baseline:
        return "baseline"
    return "candidate" if version.name in service.candidates else None


def _sticky(source: StickySource) -> Json | str:
    return {source.kind.value: source.name} if source.name else source.kind.value


def without_secrets(url: str) -> str:
    """Give a URL without what may be a password in it."""
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2], query="").geturl()


def endpoints_view(endpoints: Iterable[EndpointSeen]) -> list[Json]:
    """Show how the endpoints of a version stand: one for each address of a name."""
    return [
        {
            "url": without_secrets(one.url),
            "address": one.address or None,
            "state": one.state.value,
            "healthy": one.health,
            "back_in_seconds": one.back_in or None,
            "workers": dict(sorted(one.states.items())),
        }
        for one in endpoints
    ]


def changed_view(change: Change | None) -> Json | None:
    """Show who set a weight last, and why; nothing where nobody knows."""
    if change is None:
        return None
    return {"by": change.by, "reason": change.reason, "at": iso(change.at)}


def sums_view(signals: Mapping[str, SlicedSum]) -> Json:
    """Show sums, by signal and segment."""
    return {
        signal: {
            **_sum(sums.whole),
            "segments": {
                segment: {value: _sum(part) for value, part in sorted(values.items())}
                for segment, values in sums.segments.items()
            },
        }
        for signal, sums in sorted(signals.items())
    }


def _sum(values: Sum) -> Json:
    return {"count": values.count, "sum": values.total, "mean": values.mean}
