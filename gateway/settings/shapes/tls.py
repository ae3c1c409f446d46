"""The shapes of `tls`: of a listener, and of the endpoints of a version."""

from typing import Annotated, Final

from pydantic import Field, PlainValidator, PrivateAttr, ValidationInfo, model_validator

from gateway.domain.tls import ServerTls, UpstreamTls
from gateway.settings import tls
from gateway.settings.addresses import checked_host
from gateway.settings.problem import shown, text_of, wrong
from gateway.settings.shapes.shape import Shape, YesNo, schema, surroundings_of

_NAME_REMEDY: Final = "Write a host name, such as models.example.com."


def _server(value: object, info: ValidationInfo) -> ServerTls | None:
    return None if value is None else tls.server_tls(value, surroundings_of(info))


def _path(value: object) -> str:
    return text_of(value, "Write the path of a PEM file.")


def _host(value: object) -> str:
    text = text_of(value, _NAME_REMEDY)
    name = checked_host(text)
    if name is None:
        raise wrong(f"found {shown(text)}, which is no host name.", _NAME_REMEDY)
    return name


ListenerTls = Annotated[
    ServerTls | None,
    PlainValidator(_server),
    schema(anyOf=[*tls.SERVER_SCHEMA["anyOf"], {"type": "null"}]),
]
_Path = Annotated[str, PlainValidator(_path), schema(type="string", minLength=1)]


class UpstreamTlsShape(Shape):
    """`tls` of a version."""

    ca: _Path | None = Field(
        default=None,
        description="File of the authorities that are believed; null: the system's.",
    )
    certificate: _Path | None = Field(
        default=None,
        description="File of the certificate, with its chain, for endpoints that ask "
        "for one.",
    )
    key: _Path | None = Field(
        default=None, description="File of that certificate's key."
    )
    verify: YesNo = Field(
        default=True,
        description="Whether an endpoint must prove its name; false lets anybody play it.",
    )
    server_name: Annotated[
        str | None, PlainValidator(_host), schema(type="string", minLength=1)
    ] = Field(
        default=None,
        description="The name an endpoint must prove; null: the one in its URL.",
    )

    _settings: UpstreamTls = PrivateAttr()

    @model_validator(mode="after")
    def _read(self, info: ValidationInfo) -> "UpstreamTlsShape":
        if self.ca is not None and not self.verify:
            raise wrong(
                "found authorities beside verify: false, which asks none.",
                "Leave out verify: whoever has a certificate of theirs is believed.",
                at=("verify",),
            )
        files = tls.Files(surroundings_of(info))
        pair = {"certificate": self.certificate, "key": self.key}
        self._settings = UpstreamTls(
            ca="" if self.ca is None else tls.authorities(self.ca, files, "ca"),
            certificate=tls.certificate(pair, files) if any(pair.values()) else None,
            verify=self.verify,
            server_name=self.server_name or "",
            digest=files.digest(),
        )
        return self

    @property
    def settings(self) -> UpstreamTls:
        """What was read."""
        return self._settings
