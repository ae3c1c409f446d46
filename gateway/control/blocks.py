"""Counts as the journal has them: one JSON text a block, small and exact."""

import msgspec

from gateway.analysis.counts import Counts, Place


class _Written(msgspec.Struct, omit_defaults=True):
    """Counts; bins as [process, coin, metric, cell, baseline's, candidate's]."""

    bins: list[tuple[int, float, int, int, dict[int, int], dict[int, int]]] = []
    units: list[tuple[float, int, int]] = []
    in_step: tuple[int, int] = (0, 0)
    in_cells: dict[int, int] = {}
    ceilings: dict[int, tuple[int, int]] = {}
    pairs: tuple[int, int, int] = (0, 0, 0)
    came: list[tuple[float, int, int]] = []
    visits: int = 0


_decoder = msgspec.json.Decoder(_Written)


def written(counts: Counts) -> bytes:
    """Write counts as JSON."""
    return msgspec.json.encode(
        _Written(
            bins=[(*place, *pair) for place, pair in counts.bins.items()],
            units=[(coin, *pair) for coin, pair in counts.units.items()],  # type: ignore[misc]
            came=[(coin, *pair) for coin, pair in counts.came.items()],  # type: ignore[misc]
            in_step=(counts.in_step[0], counts.in_step[1]),
            in_cells=counts.in_cells,
            ceilings={metric: (n, k) for metric, (n, k) in counts.ceilings.items()},
            pairs=(counts.pairs[0], counts.pairs[1], counts.pairs[2]),
            visits=counts.visits,
        )
    )


def is_empty(counts: Counts) -> bool:
    """Whether nothing was counted."""
    in_step = any(counts.in_step) or counts.in_cells or counts.visits
    units = counts.units or counts.came or any(counts.pairs)
    return not (counts.bins or units or counts.ceilings or in_step)


def read(text: bytes) -> Counts:
    """Read counts back.

    Raises:
        msgspec.ValidationError: It is something else.

    """
    found = _decoder.decode(text)
    return Counts(
        bins={
            Place(process, coin, metric, cell): (baseline, candidate)
            for process, coin, metric, cell, baseline, candidate in found.bins
        },
        units={coin: [first, second] for coin, first, second in found.units},
        came={coin: [first, second] for coin, first, second in found.came},
        in_step=list(found.in_step),
        in_cells=found.in_cells,
        ceilings={metric: list(pair) for metric, pair in found.ceilings.items()},
        pairs=list(found.pairs),
        visits=found.visits,
    )
