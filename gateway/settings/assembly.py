"""From shapes, which are right, to the domain's values."""

import json
from dataclasses import replace
from pathlib import Path

from gateway.domain.deployment import (
    Admin,
    ClientLimits,
    Deployment,
    Otlp,
    Telemetry,
)
from gateway.domain.health import EndpointCare, OutlierDetection
from gateway.domain.lane import lane_name
from gateway.domain.price import Price
from gateway.domain.service import (
    COMPARED_FIRST_TOKEN,
    Deadlines,
    DialectChoice,
    Feedback,
    HostRule,
    Match,
    Override,
    PathRewrite,
    PoolLimits,
    ReportedSignal,
    Service,
    Signals,
    Timeouts,
    UsageRule,
    Version,
)
from gateway.domain.tls import ServerTls
from gateway.settings import access_log
from gateway.settings.listeners import MOST_WORKERS, placed
from gateway.settings.shapes.answers import SignalsShape
from gateway.settings.shapes.gateway import DocumentShape
from gateway.settings.shapes.service import OverrideShape, ServiceShape
from gateway.settings.shapes.telemetry import OtlpShape
from gateway.settings.shapes.version import (
    DeadlinesShape,
    PathRewriteShape,
    VersionShape,
)


def deployment_of(shape: DocumentShape, *, folder: Path, cores: int) -> Deployment:
    """Make the deployment; relative paths begin at *folder*, `auto` is *cores*."""
    auto = min(max(cores, 1), MOST_WORKERS)
    return Deployment(
        listen=tuple(listening.address for listening in shape.listen),
        listen_tls=_listen_tls(shape),
        admin=Admin(
            listen=shape.admin.listen,
            tokens=tuple(token.token() for token in shape.admin.tokens),
            tls=shape.admin.tls,
        ),
        workers=auto if shape.workers is None else shape.workers,
        state=placed(shape.state, folder),
        trusted_proxies=_distinct(shape.trusted_proxies),
        access_log=access_log.placed(shape.access_log, folder),
        telemetry=Telemetry(otlp=_otlp(shape.telemetry.otlp)),
        limits=ClientLimits(**shape.limits.model_dump()),
        drain=shape.drain,
        services=tuple(
            lane
            for name, each in shape.services.items()
            for lane in _lanes(_service(name, each))
        ),
    )


def _listen_tls(shape: DocumentShape) -> tuple[ServerTls | None, ...]:
    tls = tuple(listening.tls for listening in shape.listen)
    return tls if any(tls) else ()


def _otlp(shape: OtlpShape | None) -> Otlp | None:
    if shape is None:
        return None
    return Otlp(
        endpoint=shape.endpoint,
        headers=tuple(shape.headers.items()),
        interval=shape.interval,
        traces=shape.traces,
    )


def _lanes(service: Service) -> tuple[Service, ...]:
    """Give a service as many times as it has lanes: once, but for several candidates."""
    if service.lanes == 1:
        return (service,)
    return tuple(
        replace(service, name=lane_name(service.name, each), candidate=each)
        for each in service.candidates
    )


def _service(name: str, shape: ServiceShape) -> Service:
    roles = shape.roles
    return Service(
        name=name,
        versions=tuple(
            _version(key, each, is_compared=shape.plan is not None)
            for key, each in shape.versions.items()
        ),
        baseline=roles.baseline,
        candidate=roles.candidate,
        configured_share=roles.share,
        match=Match(
            hosts=_distinct(shape.match.hosts), paths=_distinct(shape.match.paths)
        ),
        unsplit=_distinct(shape.unsplit),
        dialect=DialectChoice(shape.dialect),
        sticky=tuple(shape.sticky),
        json_limit=shape.json_limit,
        usage=UsageRule(shape.usage),
        context=None if shape.context is None else shape.context.at,
        signals=_signals(shape.signals),
        feedback=Feedback(
            deadline=shape.feedback.deadline, signals=tuple(shape.feedback.signals)
        ),
        evaluators=tuple(shape.judges),
        sampling=shape.samples.sampling,
        expose=shape.expose,
        override=_override(shape.override),
        repeat=shape.failover.repeat,
        failover=shape.failover.rule,
        guard=None if shape.guard is None else shape.guard.rule,
        upgrades=_distinct(shape.upgrades),
        segments=tuple(each.segment for each in shape.segments),
        rollout=shape.plan,
    )


def _signals(shape: SignalsShape) -> Signals:
    return Signals(
        names=tuple(entry for entry in shape.names if isinstance(entry, str)),
        reported=tuple(
            entry for entry in shape.names if isinstance(entry, ReportedSignal)
        ),
        sample=shape.sample,
        cpu=shape.cpu,
    )


def _override(shape: OverrideShape | None) -> Override | None:
    if shape is None:
        return None
    return Override(header=shape.header, senders=_distinct(shape.senders))


def _version(name: str, shape: VersionShape, *, is_compared: bool) -> Version:
    return Version(
        name=name,
        endpoints=tuple(shape.endpoints),
        host=HostRule(shape.host),
        path_rewrite=_path_rewrite(shape.path_rewrite),
        set_headers=tuple(shape.set_headers.items()),
        set_json=tuple(
            (pointer, json.dumps(value, ensure_ascii=False, separators=(",", ":")))
            for pointer, value in shape.set_json.items()
        ),
        timeouts=Timeouts(**shape.timeouts.model_dump()),
        deadlines=_deadlines(shape.deadlines, is_compared=is_compared),
        limits=PoolLimits(**shape.limits.model_dump()),
        care=_care(shape),
        price=None if shape.price is None else Price(**shape.price.model_dump()),
        tls=None if shape.tls is None else shape.tls.settings,
    )


def _care(shape: VersionShape) -> EndpointCare:
    detection = shape.outlier_detection
    return EndpointCare(
        health=None if shape.health is None else shape.health.domain(),
        outlier_detection=(
            None if detection is None else OutlierDetection(**detection.model_dump())
        ),
        slow_start=shape.slow_start,
        resolve=shape.resolve,
    )


def _deadlines(shape: DeadlinesShape, *, is_compared: bool) -> Deadlines:
    if is_compared and "first_token" not in shape.model_fields_set:
        return Deadlines(first_token=COMPARED_FIRST_TOKEN)
    return Deadlines(first_token=shape.first_token)


def _path_rewrite(shape: PathRewriteShape | None) -> PathRewrite | None:
    return None if shape is None else PathRewrite(old=shape.old, new=shape.new)


def _distinct(texts: list[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(texts))
