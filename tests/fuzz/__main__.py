"""Fuzz one target for a while, with atheris: `python -m tests.fuzz TARGET SECONDS`.

It stops at the first finding, which it writes to a file; what is found belongs in
found.py, where it stays a test.
"""

import sys
import tempfile
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["gateway"]):
    from tests.fuzz.seeds import seeds
    from tests.fuzz.targets import TARGETS


def main(name: str, seconds: str) -> None:
    """Run until the time is over."""
    folder = Path(tempfile.mkdtemp(prefix=f"fuzz-{name}-"))
    corpus = folder / "corpus"
    corpus.mkdir()
    for number, seed in enumerate(seeds(name)):
        (corpus / str(number)).write_bytes(seed)
    atheris.Setup(
        [
            sys.argv[0],
            str(corpus),
            f"-max_total_time={seconds}",
            f"-artifact_prefix={folder}/",
            "-max_len=4000",
            "-timeout=5",
            "-print_final_stats=1",
        ],
        TARGETS[name],
    )
    atheris.Fuzz()


main(*sys.argv[1:])
