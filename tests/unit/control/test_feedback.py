"""Feedback is joined to a version by its request id, once for each signal, in time."""

from dataclasses import replace

import pytest

from gateway.analysis.sums import Sum
from gateway.answers.segments import code_of
from gateway.control import feedback
from gateway.control.feedback import FeedbackDesk
from gateway.control.joined import Joined
from gateway.domain.errors import Refused
from gateway.domain.segment import Segment, SegmentBy
from gateway.domain.service import (
    MOST_FEEDBACK_SIGNALS,
    Endpoint,
    Feedback,
    ReportedSignal,
    ReportPlace,
    Service,
    Signals,
    Version,
)
from gateway.domain.ticket_key import TICKET_LASTS_S, TicketKey
from gateway.domain.units import Bytes, Seconds, Share
from gateway.handoff.routing_table import RoutedService, RoutingTable
from gateway.handoff.ticket import TicketMaker, route_code

NOW = 1_700_000_000
KEY = TicketKey(number=3, secret=b"k" * 32, made_at=0.0)
ENDPOINTS = (Endpoint(url="http://h:1", host="h", port=1),)
SEGMENTS = (
    Segment(name="tenant", by=SegmentBy.HEADER, key="x-tenant", values=("a", "b")),
    Segment(name="size", by=SegmentBy.REQUEST_BYTES, edges=(Bytes(1024),)),
)
CHAT = Service(
    name="chat",
    versions=tuple(Version(name=name, endpoints=ENDPOINTS) for name in ("v1", "v2")),
    baseline="v1",
    candidate="v2",
    segments=SEGMENTS,
)


def _table(*services: Service) -> RoutingTable:
    routed = [
        RoutedService(service=service, share=Share(1), salt="s", revision=1)
        for service in services
    ]
    return RoutingTable(epoch=1, services=tuple(routed), ticket_key=KEY)


class _Scene:
    """A desk, a clock and what workers would give out."""

    def __init__(self) -> None:
        self.now = float(NOW)
        self.table = _table(CHAT)
        self.keys = {KEY.number: KEY}
        self.desk = FeedbackDesk(
            lambda: self.table, lambda: self.keys, lambda: self.now
        )
        self._unique = 0

    def issue(
        self, version: str = "v2", cell: bytes = b"", service: str = "chat"
    ) -> str:
        self._unique += 1
        route = route_code(service, version)
        maker = TicketMaker(KEY, route=route, segments=code_of(SEGMENTS), epoch=1)
        return maker.make(NOW, self._unique, cell=cell).decode()

    def told(self, request_id: str, signal: str = "ok") -> tuple[int, str]:
        with pytest.raises(Refused) as caught:
            self.desk.take(request_id, signal, 1.0)
        return caught.value.status, str(caught.value)

    def refused(self, request_id: str, signal: str = "ok", value: float = 1.0) -> int:
        with pytest.raises(Refused) as caught:
            self.desk.take(request_id, signal, value)
        return caught.value.status

    def whole(self, version: str = "v2", signal: str = "ok") -> Sum:
        return self.desk.of("chat", version)[signal].whole


def test_a_value_is_counted_for_the_version_that_answered() -> None:
    scene = _Scene()

    assert scene.desk.take(scene.issue("v1"), "ok", 1.0) == "counted"
    assert scene.desk.take(scene.issue("v2"), "ok", 0.0) == "counted"
    assert scene.desk.take(scene.issue("v2"), "ok", 1.0) == "counted"

    assert scene.whole("v1") == Sum(1, 1.0)
    assert scene.whole("v2") == Sum(2, 1.0)


def test_the_same_again_changes_nothing() -> None:
    scene = _Scene()
    request_id = scene.issue()
    scene.desk.take(request_id, "ok", 0.0)

    assert scene.desk.take(request_id, "ok", 0.0) == "unchanged"
    assert scene.whole() == Sum(1, 0.0)


def test_another_value_takes_the_place_of_the_first() -> None:
    scene = _Scene()
    request_id = scene.issue(cell=bytes((1, 2)))
    scene.desk.take(request_id, "ok", 1.0)

    assert scene.desk.take(request_id, "ok", -3.0) == "replaced"
    assert scene.whole() == Sum(1, -3.0)
    assert scene.desk.of("chat", "v2")["ok"].segments["tenant"] == {"a": Sum(1, -3.0)}


def test_two_signals_of_one_request_are_two_values() -> None:
    scene = _Scene()
    request_id = scene.issue()

    assert scene.desk.take(request_id, "ok", 1.0) == "counted"
    assert scene.desk.take(request_id, "stars", 4.0) == "counted"


def test_a_value_counts_in_the_segments_of_its_request() -> None:
    scene = _Scene()

    scene.desk.take(scene.issue(cell=bytes((1, 2))), "ok", 1.0)
    scene.desk.take(scene.issue(cell=bytes((0, 1))), "ok", 1.0)
    scene.desk.take(scene.issue(cell=bytes((9, 1))), "ok", 1.0)

    assert scene.desk.of("chat", "v2")["ok"].segments == {
        "tenant": {"a": Sum(1, 1.0), "other": Sum(1, 1.0)},
        "size": {">=1KiB": Sum(1, 1.0), "<1KiB": Sum(2, 2.0)},
    }


def test_segments_that_are_defined_anew_are_not_guessed() -> None:
    scene = _Scene()
    request_id = scene.issue(cell=bytes((1, 2)))
    scene.table = _table(replace(CHAT, segments=SEGMENTS[::-1]))

    scene.desk.take(request_id, "ok", 1.0)

    assert scene.desk.of("chat", "v2")["ok"].segments == {}
    assert scene.whole() == Sum(1, 1.0)


@pytest.mark.parametrize("change", ["first", "last"])
def test_what_is_no_id_of_ours_is_refused(change: str) -> None:
    scene = _Scene()
    request_id = scene.issue()
    other = "B" if request_id[0] == "A" else "A"
    forged = other + request_id[1:] if change == "first" else request_id[:-1] + " "

    assert scene.refused(forged) == 400
    assert scene.refused("") == 400
    assert scene.refused("\ud800" * 68) == 400


def _taking(signals: tuple[str, ...] = (), deadline: float = 60.0) -> Service:
    feedback = Feedback(deadline=Seconds(deadline), signals=signals)
    return replace(CHAT, feedback=feedback)


def test_feedback_is_taken_for_a_day_where_nobody_says_otherwise() -> None:
    scene = _Scene()
    request_id = scene.issue()
    scene.now = NOW + 86_400
    scene.desk.take(request_id, "ok", 1.0)

    scene.now += 1
    assert scene.refused(request_id) == 410


@pytest.mark.parametrize(
    ("deadline", "words"),
    [(60.0, "until 60 seconds after"), (7 * 86_400.0, "until 168 hours after")],
)
def test_feedback_closes_at_the_deadline_of_its_service(
    deadline: float, words: str
) -> None:
    scene = _Scene()
    scene.table = _table(_taking(deadline=deadline))
    request_id = scene.issue()
    scene.now = NOW + deadline
    scene.desk.take(request_id, "ok", 1.0)

    scene.now += 1
    status, message = scene.told(request_id)

    assert status == 410
    assert "'chat'" in message
    assert words in message


def test_each_service_has_a_deadline_of_its_own() -> None:
    scene = _Scene()
    slow = replace(CHAT, name="slow", feedback=Feedback(deadline=Seconds(900.0)))
    scene.table = _table(_taking(), slow)
    scene.now = NOW + 600

    assert scene.refused(scene.issue()) == 410
    assert scene.desk.take(scene.issue(service="slow"), "ok", 1.0) == "counted"


def test_an_id_expires_whatever_the_deadline() -> None:
    scene = _Scene()
    scene.table = _table(_taking(deadline=TICKET_LASTS_S))
    request_id = scene.issue()
    scene.now = NOW + TICKET_LASTS_S + 1

    status, message = scene.told(request_id)

    assert status == 410
    assert "expired" in message


def test_a_longer_deadline_after_a_reload_counts_nothing_twice() -> None:
    scene = _Scene()
    scene.table = _table(_taking())
    request_id = scene.issue()
    scene.desk.take(request_id, "ok", 1.0)
    scene.table = _table(_taking(deadline=7 * 86_400.0))
    scene.now = NOW + 6 * 86_400.0

    assert scene.desk.take(request_id, "ok", 1.0) == "unchanged"
    assert scene.whole() == Sum(1, 1.0)


def test_a_service_takes_the_signals_it_lists_and_says_which() -> None:
    """Their names are whatever the configuration allows."""
    scene = _Scene()
    scene.table = _table(_taking(("thumbs_up", "Resolved-1st")))

    status, message = scene.told(scene.issue(), "thumb_up")

    assert status == 422
    assert "Known: thumbs_up, Resolved-1st. Did you mean 'thumbs_up'?" in message
    assert scene.refused(scene.issue(), "\ud800") == 422
    assert scene.desk.take(scene.issue(), "Resolved-1st", 1.0) == "counted"


def test_what_is_not_taken_any_more_is_forgotten() -> None:
    scene = _Scene()
    scene.desk.take(scene.issue(), "ok", 1.0)
    scene.desk.take(scene.issue(), "stars", 4.0)

    scene.table = _table(_taking(("stars",)))
    scene.desk.take(scene.issue(), "stars", 5.0)

    assert list(scene.desk.of("chat", "v2")) == ["stars"]
    assert scene.whole(signal="stars") == Sum(2, 9.0)


@pytest.mark.parametrize("signal", ["error_rate", "other", "refusal", "toxicity"])
def test_feedback_has_no_name_that_the_gateway_uses_itself(signal: str) -> None:
    scene = _Scene()
    own = ReportedSignal(name="toxicity", place=ReportPlace.HEADER, key="x-toxicity")
    signals = Signals(names=("refusal",), reported=(own,))
    scene.table = _table(replace(CHAT, signals=signals))

    status, message = scene.told(scene.issue(), signal)

    assert status == 422
    assert f"'{signal}' is the name of what the gateway measures itself" in message


def test_a_version_that_is_gone_is_not_found_and_its_sums_are_dropped() -> None:
    scene = _Scene()
    request_id = scene.issue("v2")
    scene.desk.take(request_id, "ok", 1.0)
    scene.desk.take(scene.issue("v1"), "ok", 1.0)
    scene.table = _table(replace(CHAT, versions=CHAT.versions[:1], candidate=None))

    assert scene.refused(request_id) == 404

    assert scene.desk.of("chat", "v2") == {}
    assert scene.whole("v1") == Sum(1, 1.0)


def _removed(service: Service) -> Service:
    return replace(service, versions=service.versions[:1], candidate=None)


@pytest.mark.parametrize("gone", [_removed(CHAT), _taking(("stars",))])
def test_what_sums_that_were_dropped_had_held_is_counted_anew(gone: Service) -> None:
    """It is not replaced in sums that never held it: they would go below nothing."""
    scene = _Scene()
    before = scene.issue(cell=bytes((1, 2)))
    scene.desk.take(before, "ok", 1.0)
    scene.table = _table(gone)
    scene.refused(before)
    scene.table = _table(CHAT)
    scene.desk.take(scene.issue(), "ok", 1.0)

    assert scene.desk.take(before, "ok", 0.0) == "counted"
    assert scene.desk.take(before, "ok", 0.0) == "unchanged"
    assert scene.whole() == Sum(2, 1.0)


def test_sums_of_a_predecessor_are_told_from_those_begun_after_it() -> None:
    """Numbers are not given twice, whoever gave them."""
    scene, successor = _Scene(), _Scene()
    request_id = scene.issue()
    scene.desk.take(request_id, "ok", 1.0)
    successor.desk.sums = scene.desk.sums
    successor.desk.take(request_id, "ok", 1.0)
    successor.table = _table(_removed(CHAT))
    successor.refused(request_id)
    successor.table = _table(CHAT)
    successor.desk.take(successor.issue("v1"), "ok", 1.0)
    successor.desk.take(successor.issue("v2"), "ok", 1.0)

    assert successor.desk.take(request_id, "ok", 0.0) == "counted"
    assert successor.whole() == Sum(2, 1.0)


@pytest.mark.parametrize("signal", ["", "Ok", "thumbs-up", "ö", "a" * 65, "ok\n"])
def test_a_signal_has_a_plain_name(signal: str) -> None:
    scene = _Scene()

    assert scene.refused(scene.issue(), signal) == 400


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -1.1e9, 1e300])
def test_a_value_is_a_number_that_can_be_added_up(value: float) -> None:
    scene = _Scene()

    assert scene.refused(scene.issue(), "ok", value) == 400


def test_a_service_has_so_many_signals_and_no_more() -> None:
    scene = _Scene()
    for number in range(MOST_FEEDBACK_SIGNALS):
        scene.desk.take(scene.issue("v1"), f"signal_{number}", 1.0)

    assert scene.refused(scene.issue("v1"), "one_more") == 422
    assert scene.refused(scene.issue("v2"), "one_more") == 422
    assert scene.desk.take(scene.issue("v2"), "signal_7", 1.0) == "counted"
    assert "one_more" not in scene.desk.of("chat", "v2")


def test_an_old_value_that_is_sealed_stays_as_it_was(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The first value stands when there is too much feedback to know them all."""
    small = Joined(lasts_s=TICKET_LASTS_S, recent=2)
    monkeypatch.setattr(feedback, "Joined", lambda **_: small)
    scene = _Scene()
    ids = [scene.issue() for _ in range(3)]
    for request_id in ids:
        scene.desk.take(request_id, "ok", 1.0)

    assert scene.desk.take(ids[0], "ok", 5.0) == "unchanged"
    assert scene.whole() == Sum(3, 3.0)


def test_feedback_on_a_lane_is_its_services_and_evidence_of_its_own() -> None:
    """The baseline's answers in one lane are no evidence in the other."""
    heard: list[str] = []
    scene = _Scene()
    lanes = [
        replace(CHAT, name=f"chat:{name}", candidate=name) for name in ("v2", "v1")
    ]
    scene.table = _table(*lanes)
    scene.desk._hear = lambda service, *_said: heard.append(service)

    scene.desk.take(scene.issue("v1", service="chat:v1"), "ok", 1.0)
    scene.desk.take(scene.issue("v1", service="chat:v2"), "ok", 1.0)

    assert heard == ["chat:v1", "chat:v2"]
    assert scene.whole("v1") == Sum(2, 2.0)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (["chat"], ["chat:v2", "chat:v1"]),
        (["chat:v2", "chat:v1"], ["chat"]),
        (["chat:v2", "chat:v1"], ["chat:v2"]),
    ],
)
def test_feedback_on_answers_from_before_another_cut_is_taken(
    before: list[str], after: list[str]
) -> None:
    """But it is no evidence: what is on now began after them."""
    scene, heard = _Scene(), []
    scene.table = _table(*(replace(CHAT, name=name) for name in before))
    ids = [scene.issue("v1", service=name) for name in before]
    scene.desk.take(ids[0], "ok", 1.0)
    scene.desk._hear = lambda service, *_said: heard.append(service)

    scene.table = _table(*(replace(CHAT, name=name) for name in after))
    for request_id in ids:
        scene.desk.take(request_id, "ok", 0.0)

    assert heard == before
    assert scene.whole("v1") == Sum(len(ids), 0.0)
    assert scene.refused(scene.issue("v9", service=before[0])) == 404
