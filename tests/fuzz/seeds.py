"""Where a fuzzer starts: what each target is usually given."""

from collections.abc import Iterator
from importlib import import_module
from importlib.util import find_spec

from gateway.answers.dialects import DIALECTS
from tests.conformance.table import ANSWERS, REQUESTS

_SIZE = b"\x03"


def _transcripts() -> Iterator[tuple[int, bytes]]:
    for number, name in enumerate(DIALECTS):
        module = f"tests.contracts.transcripts.{name}"
        if find_spec(module):
            told = import_module(module)
            for each in (*told.TRANSCRIPTS, *told.REQUESTS):
                yield number, each.body


def seeds(target: str) -> list[bytes]:
    """Give the inputs a target starts from."""
    bodies = [body for _, body in _transcripts()]
    return {
        "request_stream": [_SIZE + case.request[:4_000] for case in REQUESTS],
        "answer_stream": [
            _SIZE + bytes([kind]) + b"".join(case.pieces)
            for case in ANSWERS
            for kind in range(6)
        ],
        "events": [_SIZE + body for body in bodies],
        "usage": [_SIZE + body for body in bodies],
        "dialect": [_SIZE + bytes([number]) + body for number, body in _transcripts()],
        "splice": [b"stream\x00" + body for body in bodies]
        + [b"messages/0/content\x00" + body for body in bodies],
        "pointer": [b"messages/0/content\x00" + body for body in bodies],
        "redaction": [
            b"mail ann@example.com, key sk-abcdefghijklmnopqrstuvwxyz012345",
            b"card 4111 1111 1111 1111, IBAN DE89 3704 0044 0532 0130 00",
            b"call +49 151 23456789 from 192.0.2.1, AKIAIOSFODNN7EXAMPLE",
        ],
        "ticket": [b"AAd71jTwAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"],
        "claims": [
            b"192.0.2.1, [2001:db8::1]:80, 10.0.0.2",
            b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01\x00a=b",
        ],
        "inflating": [
            _SIZE + bytes.fromhex("1f8b0800000000000203cb48cdc9c9070086a6103605000000"),
            _SIZE + bytes.fromhex("789ccb48cdc9c907000621 0215".replace(" ", "")),
        ],
    }[target]
