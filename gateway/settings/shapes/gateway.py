"""The shape of the whole document, and of what is not about one service."""

from typing import Annotated, ClassVar, Final

from pydantic import (
    Field,
    PlainValidator,
    PrivateAttr,
    ValidationInfo,
    model_validator,
)

from gateway.domain.deployment import (
    AccessLog,
    Address,
    Admin,
    Deployment,
    Role,
    StateAddress,
    Token,
)
from gateway.settings import access_log, listeners, names
from gateway.settings.addresses import listen_address, network
from gateway.settings.credentials import (
    SHORTEST_SECRET,
    checked_secret,
    from_environment,
    from_file,
)
from gateway.settings.problem import Finding, Wrong, raise_all, wrong
from gateway.settings.shapes.client_limits import ClientLimitsShape
from gateway.settings.shapes.service import ServiceShape
from gateway.settings.shapes.shape import (
    Duration,
    Name,
    NotEmpty,
    Shape,
    schema,
    surroundings_of,
)
from gateway.settings.shapes.telemetry import TelemetryShape
from gateway.settings.shapes.tls import ListenerTls

_DEFAULTS: Final = Deployment(
    listen=(), admin=Admin(listen=Address(host="", port=0)), services=()
)
_ROLES: Final = tuple(role.value for role in Role)


def _text(value: object) -> str:
    if isinstance(value, str):
        return value
    raise wrong("found something that is no text.", "Put it in quotes.")


def _listeners(value: object, info: ValidationInfo) -> tuple[listeners.Listening, ...]:
    return listeners.listeners(value, surroundings_of(info))


_AccessLog = Annotated[
    AccessLog, PlainValidator(access_log.access_log), access_log.SCHEMA
]
_Text = Annotated[str, PlainValidator(_text), schema(type="string", minLength=1)]


class TokenShape(Shape):
    """An entry of `admin.tokens`."""

    name: Name = Field(description="Who this is, for the journal.", examples=["ci"])
    role: Annotated[
        str, PlainValidator(names.choice("role", _ROLES)), schema(enum=list(_ROLES))
    ] = Field(
        description="viewer reads, app sends feedback and asks for flags, operator may "
        "do all.",
        examples=["operator"],
    )
    env: _Text | None = Field(
        default=None, description="Environment variable that holds the secret."
    )
    file: _Text | None = Field(
        default=None,
        description="File that holds the secret; its last line end is cut.",
    )
    value: _Text | None = Field(
        default=None,
        description=f"The secret itself, at least {SHORTEST_SECRET} characters.",
    )

    _secret: str = PrivateAttr()

    @model_validator(mode="after")
    def _resolve(self, info: ValidationInfo) -> "TokenShape":
        given = {
            key: text
            for key, text in (
                ("env", self.env),
                ("file", self.file),
                ("value", self.value),
            )
            if text is not None
        }
        if len(given) != 1:
            found = ", ".join(given) or "none of them"
            raise wrong(f"found {found}.", "Write exactly one of env, file or value.")
        ((key, text),) = given.items()
        try:
            self._secret = checked_secret(_secret(key, text, info))
        except Wrong as error:
            raise Wrong(*(finding.below(key) for finding in error.findings)) from None
        return self

    def token(self) -> Token:
        """Give the token with its secret."""
        return Token(name=self.name, role=Role(self.role), secret=self._secret)


def _secret(key: str, text: str, info: ValidationInfo) -> str:
    if key == "value":
        return text
    read = from_environment if key == "env" else from_file
    return read(text, surroundings_of(info))


class AdminShape(Shape):
    """`admin`."""

    listen: Annotated[
        Address, PlainValidator(listen_address), schema(type="string")
    ] = Field(description="Where the admin API listens.", examples=["127.0.0.1:8081"])
    tls: ListenerTls = Field(
        default=None,
        description="Its certificate and key, as of a data listener; null: in clear.",
    )
    tokens: list[TokenShape] = Field(
        default=[],
        description="Bearers of the admin API. None is allowed on loopback only.",
    )

    @model_validator(mode="after")
    def _is_guarded(self) -> "AdminShape":
        tokens = [token.token() for token in self.tokens]
        raise_all([
            Finding(
                what=f"found the name '{token.name}' again.",
                remedy="Give each token a name of its own: the journal shows it.",
                at=("tokens", place, "name"),
            )
            for place, token in enumerate(tokens)
            if token.name in {other.name for other in tokens[:place]}
        ])
        raise_all([
            Finding(
                what=f"found the secret of another token at '{token.name}'.",
                remedy="Give each token a secret of its own: `openssl rand -hex 32`.",
                at=("tokens", place),
            )
            for place, token in enumerate(tokens)
            if token.secret in {other.secret for other in tokens[:place]}
        ])
        if self.tls is not None and self.tls.client_ca:
            raise wrong(
                "found client_ca: commands and dashboards could not ask any more.",
                "Take it out; admin.tokens say who may do what.",
                at=("tls", "client_ca"),
            )
        if not tokens and not listeners.is_loopback(self.listen):
            raise wrong(
                f"found {self.listen}, which others can reach, without tokens.",
                "Add tokens: [{name: ops, role: operator, env: SLUICEGATE_TOKEN}], or "
                f"listen on 127.0.0.1:{self.listen.port}.",
                at=("listen",),
            )
        return self


class DocumentShape(Shape):
    """The whole document."""

    later: ClassVar = {"flags": "Remove it."}

    listen: Annotated[
        tuple[listeners.Listening, ...], PlainValidator(_listeners), listeners.SCHEMA
    ] = Field(
        description="Where clients connect: host:port, or a list of them.",
        examples=["127.0.0.1:8080"],
    )
    workers: Annotated[
        int | None, PlainValidator(listeners.workers), listeners.WORKERS_SCHEMA
    ] = Field(
        default=_DEFAULTS.workers,
        description="Worker processes; auto is one for each core.",
    )
    state: Annotated[
        StateAddress, PlainValidator(listeners.state), listeners.STATE_SCHEMA
    ] = Field(
        default=_DEFAULTS.state,
        description="Where weights, keys and the journal are kept: sqlite:PATH or "
        "memory:.",
        json_schema_extra={"default": listeners.state_as_written(_DEFAULTS.state)},
    )
    trusted_proxies: list[
        Annotated[str, PlainValidator(network), schema(type="string")]
    ] = Field(
        default=[],
        description="Networks whose forwarded headers are believed.",
    )
    access_log: _AccessLog = Field(
        default=_DEFAULTS.access_log,
        description="Where a line for each exchange goes, never its text: off, stdout, "
        "or a path.",
        json_schema_extra={"default": _DEFAULTS.access_log.kind.value},
    )
    telemetry: TelemetryShape = Field(
        default=TelemetryShape(), description="Who else is told what the gateway sees."
    )
    admin: AdminShape = Field(
        description="The admin API.", examples=[{"listen": "127.0.0.1:8081"}]
    )
    limits: ClientLimitsShape = Field(
        default=ClientLimitsShape(),
        description="What clients may ask of the gateway.",
    )
    drain: Duration = Field(
        default=_DEFAULTS.drain,
        description="How long a stopping worker waits for running exchanges.",
    )
    services: Annotated[dict[Name, ServiceShape], NotEmpty] = Field(
        description="What clients call, by name; the first that fits takes a request.",
        examples=[
            {"chat": {"versions": {"v1": {"endpoints": ["http://127.0.0.1:9001"]}}}}
        ],
    )
