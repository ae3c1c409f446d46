"""Where exchanges are logged: off, stdout, or a file."""

import re
from pathlib import Path
from typing import Final

from pydantic import WithJsonSchema

from gateway.domain.deployment import AccessLog, AccessLogKind
from gateway.settings.problem import shown, text_of, unknown, wrong

_WORDS: Final = (AccessLogKind.OFF.value, AccessLogKind.STDOUT.value)
_BARE_WORD: Final = re.compile(r"[^./\\]*")
_REMEDY: Final = "Write off, stdout, or the path of a file such as ./access.log."

SCHEMA: Final = WithJsonSchema({
    "anyOf": [{"const": False}, {"type": "string", "minLength": 1}]
})


def access_log(value: object) -> AccessLog:
    """Read `access_log`. Raises Wrong."""
    if value is False:  # what YAML 1.1 makes of off
        return AccessLog()
    text = text_of(value, _REMEDY)
    if text in _WORDS:
        return AccessLog(kind=AccessLogKind(text))
    return AccessLog(kind=AccessLogKind.FILE, path=_file(text))


def _file(text: str) -> str:
    if "://" in text:
        raise wrong(f"found {shown(text)}, which is a URL.", _REMEDY)
    if not text.strip() or "\0" in text or text.endswith(("/", "/.", "/..")):
        raise wrong(f"found {shown(text)}, which names no file.", _REMEDY)
    if _BARE_WORD.fullmatch(text):  # stderr, Stdout, syslog: hardly meant as a file
        finding = unknown("access log", text, _WORDS)
        raise wrong(finding.what, f"{finding.remedy} A file is written ./{text}.")
    return text


def placed(log: AccessLog, folder: Path) -> AccessLog:
    """Give the log with its path seen from *folder*."""
    if log.kind is not AccessLogKind.FILE:
        return log
    return AccessLog(kind=log.kind, path=str(folder / log.path))
