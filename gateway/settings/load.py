"""The way in: a file or a parsed mapping becomes a Deployment, or is refused whole."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from pydantic import ValidationError

from gateway.domain.deployment import Deployment
from gateway.settings.assembly import deployment_of
from gateway.settings.credentials import Surroundings
from gateway.settings.neighbours import disagreements
from gateway.settings.plain import plain_document
from gateway.settings.problem import (
    Problem,
    RejectedDocument,
    Wrong,
    path_of,
    raise_all,
    wrong,
)
from gateway.settings.shapes.gateway import DocumentShape
from gateway.settings.translation import findings_of
from gateway.settings.yaml_document import parse_yaml

LARGEST_FILE: Final = 1024 * 1024


def load_file(path: Path, *, environment: Mapping[str, str], cores: int) -> Deployment:
    """Load a YAML file; paths in it begin at its folder.

    Args:
        path: The file; its name, as given, begins every message.
        environment: Where {env: NAME} looks.
        cores: What `workers: auto` means.

    Raises:
        RejectedDocument: A BadConfiguration with all that is wrong.

    """
    source = str(path)
    surroundings = Surroundings(environment=environment, folder=path.parent)
    try:
        document = parse_yaml(_read(path), source=source)
        if document is None:
            raise wrong("the file is empty.", "Start from config/minimal.yaml.")
        return _deployment(document, surroundings, cores)
    except Wrong as error:
        raise _rejected(source, error) from None


def load_document(
    document: Mapping[str, object],
    *,
    source: str,
    environment: Mapping[str, str],
    cores: int,
) -> Deployment:
    """Load a parsed document; paths in it begin at the current directory.

    Args:
        document: What a YAML or JSON parser gave; not changed.
        source: What to call it in messages.
        environment: Where {env: NAME} looks.
        cores: What `workers: auto` means.

    Raises:
        RejectedDocument: A BadConfiguration with all that is wrong.

    """
    surroundings = Surroundings(environment=environment, folder=Path())
    try:
        return _deployment(document, surroundings, cores)
    except Wrong as error:
        raise _rejected(source, error) from None


def _deployment(document: object, surroundings: Surroundings, cores: int) -> Deployment:
    plain = plain_document(document)
    try:
        shape = DocumentShape.model_validate(plain, context=surroundings)
    except ValidationError as error:
        raise Wrong(*findings_of(error)) from None
    deployment = deployment_of(shape, folder=surroundings.folder, cores=cores)
    raise_all(disagreements(deployment))
    return deployment


def _rejected(source: str, error: Wrong) -> RejectedDocument:
    return RejectedDocument(
        source,
        [
            Problem(path=path_of(found.at), what=found.what, remedy=found.remedy)
            for found in error.findings
        ],
    )


def _read(path: Path) -> str:
    try:
        with path.open("rb") as stream:
            content = stream.read(LARGEST_FILE + 1)
    except FileNotFoundError:
        raise wrong(
            "there is no such file.",
            "Check the path, or start from config/minimal.yaml.",
        ) from None
    except IsADirectoryError:
        raise wrong("this is a directory.", "Name the file in it.") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "not a path"
        raise wrong(
            f"the file cannot be read ({reason}).",
            "Name a file that the gateway's user may read.",
        ) from None
    if len(content) > LARGEST_FILE:
        raise wrong(f"more than {LARGEST_FILE} bytes.", "Name a configuration file.")
    return _decoded(content)


def _decoded(content: bytes) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise wrong(
            f"found the byte 0x{content[error.start]:02x} in line {line}, which is not "
            "UTF-8.",
            "Save the file as UTF-8.",
        ) from None
