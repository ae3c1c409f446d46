"""Functions of "the user's own package", that judge in a process of their own."""

import os
import sys
import time
from typing import Any

from loadtest.judge_truth import is_bad

FORGED = '[1, {"hallucination": 1.0}]\n'


def scores(texts: dict[str, Any]) -> dict[str, float]:
    """Score as it is marked."""
    return {"hallucination": float(is_bad(texts["answer"], "hallucination"))}


def by_word(texts: dict[str, Any]) -> object:
    """Do what the answer says."""
    return WORDS[texts["answer"]](texts)


def _hang(texts: dict[str, Any]) -> None:
    time.sleep(60)


def _slow(texts: dict[str, Any]) -> dict[str, float]:
    time.sleep(0.3)
    return {"hallucination": 1.0}


def _print(texts: dict[str, Any]) -> dict[str, float]:
    sys.stdout.write(FORGED)
    sys.stdout.flush()
    os.write(1, FORGED.encode())
    return _fine(texts)


def _read(texts: dict[str, Any]) -> dict[str, float]:
    return {"hallucination": float(sys.stdin.read() != "")}


def _grow(texts: dict[str, Any]) -> dict[str, float]:
    return {"hallucination": float(len(bytearray(8 * 1024**3)))}


def _die(texts: dict[str, Any]) -> None:
    os._exit(3)


def _raise(texts: dict[str, Any]) -> None:
    raise RuntimeError(texts["prompt"])


def _nan(texts: dict[str, Any]) -> dict[str, float]:
    return {"hallucination": float("nan")}


def _flood(texts: dict[str, Any]) -> dict[str, str]:
    return {"hallucination": "x" * 2**21}


def _fine(texts: dict[str, Any]) -> dict[str, float]:
    return {"hallucination": 0.25}


WORDS = {
    "hang": _hang,
    "slow": _slow,
    "print": _print,
    "read": _read,
    "grow": _grow,
    "die": _die,
    "raise": _raise,
    "nan": _nan,
    "flood": _flood,
    "fine": _fine,
}
