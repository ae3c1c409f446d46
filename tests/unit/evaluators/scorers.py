"""Functions of "the user's own package", that judge in a process of their own."""

import os
import sys
import time
from typing import Any

from loadtest.judge_truth import is_bad


def scores(texts: dict[str, Any]) -> dict[str, float]:
    """Score as it is marked."""
    return {"hallucination": float(is_bad(texts["answer"], "hallucination"))}


def by_word(texts: dict[str, Any]) -> object:
    """Do what the answer says."""
    match texts["answer"]:
        case "hang":
            time.sleep(60)
        case "slow":
            time.sleep(0.3)
        case "print":
            print('[1, {"hallucination": 1.0}]')
            sys.stdout.flush()
            os.write(1, b'[1, {"hallucination": 1.0}]\n')
        case "read":
            sys.stdin.read()
        case "grow":
            return {"hallucination": float(len(bytearray(8 * 1024**3)))}
        case "die":
            os._exit(3)
        case "raise":
            raise RuntimeError(texts["prompt"])
        case "nan":
            return {"hallucination": float("nan")}
        case "names":
            return {"halucination": 1.0}
        case "flood":
            return {"hallucination": "x" * 2**21}
    return {"hallucination": 0.25}


no_function = 5
