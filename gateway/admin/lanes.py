"""A service as it is split and led: as a whole, or candidate by candidate.

What concerns one rollout stands at the top where the service has one, and in `lanes` where
it has several candidates, each with a lane of its own.
"""

from collections.abc import Sequence
from typing import Final

from gateway.admin.ports import Acted, Gate, Rollouts, Tried
from gateway.admin.receipt import receipt_view
from gateway.admin.rollout_view import rollout_view
from gateway.admin.statistics import Json
from gateway.admin.view import changed_view
from gateway.domain.lane import candidate_of, service_of
from gateway.domain.rollout import TERMINAL, Phase
from gateway.domain.units import percent_from_share
from gateway.handoff.routing_table import RoutedService, RoutingTable, percents_of
from gateway.state.store import Change

_OFF: Final = "off"
_WORDS: Final = (_OFF, "guard only", "taking up evidence", "analysing")
"""What Rollouts.protection says, the worst first."""


def split_view(table: RoutingTable, name: str) -> Json:
    """Show the weights of a service's versions, and the revision of what was named."""
    lanes = table.by_name()[service_of(name)]
    asked = [lane for lane in lanes if name in {lane.service.name, service_of(name)}]
    return {
        "weights": percents_of(lanes),
        "revision": sum(lane.revision for lane in asked),
    }


def newest_change(lanes: Sequence[RoutedService], gate: Gate) -> Change | None:
    """Give the last change of a weight; None where none is known."""
    changes = [gate.change(lane.service.name) for lane in lanes]
    known = [change for change in changes if change is not None]
    return max(known, key=lambda change: change.at, default=None)


def lanes_view(lanes: Sequence[RoutedService], gate: Gate, rollouts: Rollouts) -> Json:
    """Show how a service is led, or one lane of it."""
    views = [_lane_view(lane, gate, rollouts) for lane in lanes]
    if len(lanes) > 1:
        word = _least([lane.service.name for lane in lanes], rollouts)
        return {"protection": word, "rollout": None, "lanes": views}
    (one,) = views
    shown = ["protection", "rollout"]
    if candidate_of(lanes[0].service.name):
        shown += ["name", "candidate", "revision", "salt"]
    return {key: one[key] for key in shown}


def _least(names: Sequence[str], rollouts: Rollouts) -> str:
    """Give the word of the lane that is protected least, of those that are on."""
    standings = {name: rollouts.standing(name) for name in names}
    on = [
        rollouts.protection(name)
        for name, it in standings.items()
        if not (it.is_killed or it.phase is Phase.IDLE or it.phase in TERMINAL)
    ]
    return min(on, key=_WORDS.index, default=_OFF)


def _lane_view(lane: RoutedService, gate: Gate, rollouts: Rollouts) -> Json:
    name = lane.service.name
    protection = rollouts.protection(name)
    rollout = rollout_view(rollouts.standing(name), protection, rollouts.shortage(name))
    return {
        "name": name,
        "candidate": candidate_of(name),
        "phase": rollout["phase"],
        "weight": percent_from_share(lane.of_service()),
        "revision": lane.revision,
        "salt": lane.salt,
        "changed": changed_view(gate.change(name)),
        "protection": protection,
        "rollout": rollout,
    }


def acted_view(name: str, acted: Acted | Sequence[Tried]) -> Json:
    """Show what an action came to: of one rollout, or in each lane."""
    if isinstance(acted, Sequence):
        return _tried(name, acted)
    return {
        "service": name,
        "said": acted.said,
        "notes": list(acted.notes),
        "rollout": rollout_view(acted.standing, acted.protection),
        **split_view(acted.receipt.table, name),
        **receipt_view(acted.receipt),
    }


def _tried(name: str, tried: Sequence[Tried]) -> Json:
    done = [each.done for each in tried if each.done is not None]
    notes = dict.fromkeys(note for each in done for note in each.notes)
    newest = max((each.receipt for each in done), key=lambda one: one.table.epoch)
    return {
        "service": name,
        "said": " ".join(f"{each.lane}: {_said(each)}" for each in tried),
        "notes": list(notes),
        "rollout": None,
        "lanes": [_tried_view(each) for each in tried],
        **split_view(newest.table, name),
        **receipt_view(newest),
        "durable": all(each.receipt.durable for each in done),
    }


def _tried_view(tried: Tried) -> Json:
    refused, done = tried.refused, tried.done
    return {
        "name": tried.lane,
        "candidate": candidate_of(tried.lane),
        "said": _said(tried),
        "is_done": done is not None,
        "error": None if refused is None else refused.type,
        "rollout": None
        if done is None
        else rollout_view(done.standing, done.protection),
    }


def _said(tried: Tried) -> str:
    if tried.done is not None:
        return tried.done.said
    return str(tried.refused)


def joined(name: str, views: Sequence[Json]) -> Json:
    """Show what is known of all candidates, each against the baseline."""
    alphas = [a for view in views if isinstance(a := view["alpha"], float)]
    return {
        "service": name,
        "rollout": None,
        "alpha": sum(alphas) if alphas else None,
        "assessment": None,
        "metrics": [],
        "lanes": list(views),
    }
