"""A rollout as operators see it, in JSON values."""

import math
from collections.abc import Mapping
from dataclasses import fields
from typing import Final

import msgspec
import orjson

from gateway.admin.ports import Examined
from gateway.admin.statistics import Json
from gateway.admin.times import iso
from gateway.delivery.causes import protection
from gateway.delivery.steps import is_baking
from gateway.domain.rollout import Phase, SetMirrorRoute, SetWeight, Standing, Step
from gateway.domain.units import percent_from_share
from gateway.domain.verdict import Assessment, Finding
from gateway.state.journal import Entry

_LARGEST_EXPONENT: Final = 700.0


def rollout_view(
    standing: Standing, protection: str, shortage: str | None = None
) -> Json:
    """Show where a rollout stands."""
    plan = standing.plan
    return {
        "phase": standing.phase.value,
        "pause_reason": None if standing.pause is None else standing.pause.value,
        "protection": protection,
        "killed": standing.is_killed,
        "attempt": standing.attempt,
        "baseline": standing.baseline or None,
        "candidate": standing.candidate or None,
        "step": standing.step,
        "steps": [] if plan is None else [_step(step) for step in plan.steps],
        "seconds_in_step": round(standing.in_step, 3),
        "weight": percent_from_share(standing.share),
        "reverse_mirror": percent_from_share(standing.reverse_mirror),
        "compared": _compared(standing),
        "plan_hash": standing.plan_hash or None,
        "serves": standing.serves,
        "void": standing.void,
        "cause": standing.cause or None,
        "shortage": shortage,
    }


def _compared(standing: Standing) -> str | None:
    """Say what the candidate is compared with after the last step; None elsewhere."""
    is_on = standing.phase in {Phase.BAKING, Phase.PAUSED}
    return protection(standing) if is_on and is_baking(standing) else None


def analysis_view(examined: Examined | None) -> Json:
    """Show what the analyzer knows; without a rollout, nothing."""
    if examined is None:
        return {"alpha": None, "as_of": None, "assessment": None, "metrics": []}
    return {
        "alpha": examined.alpha,
        "examination": examined.number,
        "as_of": None if examined.as_of is None else iso(examined.as_of),
        "unit": examined.unit,
        "evidence": {
            "sampled": examined.sampled,
            "split_checked": examined.split_checked,
            "age_seconds": examined.age,
            "units": {
                "baseline": examined.assessment.baseline_units,
                "candidate": examined.assessment.candidate_units,
            },
        },
        "assessment": _assessment(examined.assessment),
        "metrics": [_finding(found) for found in examined.findings],
    }


def entry_view(entry: Entry, *, is_raw: bool) -> Json:
    """Show one entry of the journal.

    Args:
        entry: See state.journal.
        is_raw: Its body as the text that the hashes are of.

    """
    told: Json = {
        "seq": entry.seq,
        "at": iso(entry.at),
        "unix": entry.at,
        "service": entry.service,
        "kind": entry.kind,
        "digest": entry.digest.hex(),
        "hash": entry.hash.hex(),
    }
    if entry.body is None:
        return told
    if is_raw:
        return {**told, "raw": entry.body.decode(errors="replace")}
    return {**told, "body": _document(entry.body)}


def _document(body: bytes) -> object:
    """Read a body; one that was spoilt on the disk spoils no others."""
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        return {"said": "This entry was changed: it cannot be read."}


def _step(step: Step) -> Json:
    written: Json = msgspec.to_builtins(step)
    kind = str(written.pop("type"))
    if isinstance(step, SetWeight | SetMirrorRoute):
        del written["share"]
        written["percent"] = percent_from_share(step.share)
    return {kind: written}


def _assessment(found: Assessment) -> Json:
    return {
        "proven": found.proven,
        "unproven": list(found.unproven),
        "no_data": list(found.no_data),
        "regressed": [_finding(one) for one in found.regressed],
        "integrity": found.integrity,
        "units_in_step": {
            "baseline": found.baseline_units,
            "candidate": found.candidate_units,
        },
        "is_mirrored": found.is_mirrored,
        "lost_pairs": found.lost_pairs,
        "stopped_pairs": found.stopped_pairs,
        "short_segments": [list(pair) for pair in found.short_segments],
        "units_needed": found.units_needed,
        "shortage": found.shortage,
    }


def _finding(found: Finding) -> Json:
    told = {field.name: getattr(found, field.name) for field in fields(found)}
    return {
        **{name: _plain(value) for name, value in told.items()},
        "e_value": _exponential(found.log_e),
        "e_threshold": _exponential(found.log_threshold),
        "estimates": {"baseline": found.baseline, "candidate": found.candidate},
    }


def _plain(value: object) -> object:
    """Give what JSON has a word for: no number is infinite there."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, tuple):
        return list(value)
    if isinstance(value, Mapping):
        return dict(value)
    return value


def _exponential(log: float) -> float | None:
    return math.exp(log) if log < _LARGEST_EXPONENT else None
