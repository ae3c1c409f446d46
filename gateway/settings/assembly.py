"""From shapes, which are right, to the domain's values."""

import json
from pathlib import Path

from gateway.domain.deployment import Admin, ClientLimits, Deployment
from gateway.domain.service import (
    HostRule,
    Match,
    Override,
    PathRewrite,
    PoolLimits,
    Service,
    Timeouts,
    Version,
)
from gateway.settings.listeners import MOST_WORKERS, placed
from gateway.settings.shapes.gateway import DocumentShape
from gateway.settings.shapes.service import OverrideShape, ServiceShape
from gateway.settings.shapes.version import PathRewriteShape, VersionShape


def deployment_of(shape: DocumentShape, *, folder: Path, cores: int) -> Deployment:
    """Make the deployment; relative paths begin at *folder*, `auto` is *cores*."""
    auto = min(max(cores, 1), MOST_WORKERS)
    return Deployment(
        listen=shape.listen,
        admin=Admin(
            listen=shape.admin.listen,
            tokens=tuple(token.token() for token in shape.admin.tokens),
        ),
        workers=auto if shape.workers is None else shape.workers,
        state=placed(shape.state, folder),
        trusted_proxies=_distinct(shape.trusted_proxies),
        limits=ClientLimits(**shape.limits.model_dump()),
        drain=shape.drain,
        services=tuple(_service(name, each) for name, each in shape.services.items()),
    )


def _service(name: str, shape: ServiceShape) -> Service:
    roles = shape.roles
    return Service(
        name=name,
        versions=tuple(_version(key, each) for key, each in shape.versions.items()),
        baseline=roles.baseline,
        candidate=roles.candidate,
        configured_share=roles.share,
        match=Match(
            hosts=_distinct(shape.match.hosts), paths=_distinct(shape.match.paths)
        ),
        unsplit=_distinct(shape.unsplit),
        sticky=tuple(shape.sticky),
        json_limit=shape.json_limit,
        expose=shape.expose,
        override=_override(shape.override),
        repeat=shape.failover.repeat,
    )


def _override(shape: OverrideShape | None) -> Override | None:
    if shape is None:
        return None
    return Override(header=shape.header, senders=_distinct(shape.senders))


def _version(name: str, shape: VersionShape) -> Version:
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
        limits=PoolLimits(**shape.limits.model_dump()),
    )


def _path_rewrite(shape: PathRewriteShape | None) -> PathRewrite | None:
    return None if shape is None else PathRewrite(old=shape.old, new=shape.new)


def _distinct(texts: list[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(texts))
