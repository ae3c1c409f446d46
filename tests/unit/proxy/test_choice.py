"""Of which slices an exchange is its key's first is decided before a version gets any of it.

So neither who answers first nor how can choose the exchange that counts in a slice.
"""

import random
from dataclasses import dataclass, field, replace

import pytest

from gateway.domain.evaluation import (
    NOT_DRAWN,
    Evaluator,
    EvaluatorKind,
    Score,
    is_in_sample,
)
from gateway.domain.segment import MOST_SEGMENTS, Segment, SegmentBy
from gateway.domain.service import Service
from gateway.domain.units import Bytes, Share
from gateway.handoff.evidence import Record
from gateway.handoff.routing_table import RoutedService
from gateway.proxy.choice import prepare
from gateway.proxy.counting import count
from gateway.proxy.observe import Observation
from gateway.proxy.request_body import RequestBody
from gateway.proxy.routes import Route, Target
from gateway.proxy.tally import Tally
from gateway.proxy.tracing import Tracing
from gateway.proxy.units import Units
from gateway.wire.request_head import RequestHead
from tests.unit.proxy.test_observe import PATH, SERVICE, VERSION

SIZE = Segment(name="size", by=SegmentBy.REQUEST_BYTES, edges=(Bytes(100),))
MODEL = Segment(name="model", by=SegmentBy.MODEL, values=("m",))
TENANT = Segment(name="tenant", by=SegmentBy.HEADER, key="x-tenant", values=("a",))

ASKED = b'{"model":"m","messages":[{"role":"user","content":"Hi"}]}'
FIRST = 1 | 1 << MOST_SEGMENTS
"""Under the weight, and in the window; before the washout."""


@dataclass
class Worker:
    """A worker of a service with segments, and requests of one key."""

    service: Service
    units: Units = field(default_factory=Units)

    def begins(
        self,
        body: bytes | None = ASKED,
        *,
        key: bytes | None = b"ann",
        is_chunked: bool = False,
        length: int | None = None,
        **fields: bytes,
    ) -> Observation:
        """Let a request come; None instead of a body: it is still to come."""
        routed = RoutedService(
            service=self.service, share=Share(50_000), salt="s", revision=1
        )
        tally = Tally("chat", "v1")
        target = Target(routed, VERSION, tally, Tracing(random.Random(1), 0.0))
        route = Route(routed, {"v1": target}, random.Random(1))
        named = {name.replace("_", "-").encode(): each for name, each in fields.items()}
        head = RequestHead(
            b"POST",
            PATH,
            1,
            {b"content-type": b"application/json", **named},
            PATH,
            content_length=None if is_chunked else length or len(body or ASKED),
            is_chunked=is_chunked,
        )
        seen = Observation(target, route, head, RequestBody(head, body), key)
        seen.was_tossed(self.units, 10.0)
        return seen

    def ends(self, seen: Observation) -> Record:
        """Let an exchange end, and give its record."""
        seen.status, seen.duration = 200, 0.1
        count(seen, self.units, _fail)
        ((record,),) = (block.records for block in self.units.take(can_send=True))
        return record


def _fail(what: str, error: Exception) -> None:
    raise AssertionError(what) from error


def worker(*segments: Segment, **changed: object) -> Worker:
    return Worker(replace(SERVICE, segments=segments, **changed))  # type: ignore[arg-type]


def arrives(seen: Observation, body: bytes) -> None:
    """Let the rest of a body come."""
    seen.body.take(body)
    seen.body.is_whole = True


def test_the_first_to_come_is_first_whoever_ends_first() -> None:
    asked = worker(TENANT)
    early, late = (asked.begins(x_tenant=b"a") for _ in range(2))

    assert asked.ends(late).firsts == FIRST << 2 * MOST_SEGMENTS  # after the washout
    assert asked.ends(early).firsts == FIRST


def test_each_value_has_a_first() -> None:
    asked = worker(TENANT)
    for tenant in (b"a", b"b"):
        assert asked.ends(asked.begins(x_tenant=tenant)).firsts & 1


@pytest.mark.parametrize("is_whole", [True, False])
def test_a_size_that_was_announced_is_known_before_the_body(is_whole: bool) -> None:
    asked = worker(SIZE)
    seen = asked.begins(ASKED if is_whole else None)
    if not is_whole:
        arrives(seen, ASKED)

    record = asked.ends(seen)
    assert (record.firsts, record.cell) == (FIRST, b"\x01")


def test_what_comes_in_chunks_is_no_evidence_of_its_size() -> None:
    """It is passed on as it comes, so a version may answer before its size is known."""
    asked = worker(SIZE)
    seen = asked.begins(None, is_chunked=True)
    arrives(seen, ASKED)

    record = asked.ends(seen)
    assert (record.firsts, record.cell, record.nth) == (0, b"\x01", 1)


def test_what_came_whole_is_evidence_of_its_size_in_chunks_too() -> None:
    asked = worker(SIZE)
    assert asked.ends(asked.begins(is_chunked=True)).firsts == FIRST


def test_other_slices_do_not_need_the_size() -> None:
    asked = worker(TENANT)
    seen = asked.begins(None, is_chunked=True, x_tenant=b"a")
    arrives(seen, ASKED)

    assert asked.ends(seen).firsts == FIRST


def test_what_the_body_tells_is_known_when_the_body_is_whole() -> None:
    """It is not sent before; who of a key has sent all first is the first."""
    asked = worker(MODEL)
    slow, quick = asked.begins(None), asked.begins()
    limit = asked.service.json_limit

    assert not prepare(slow, limit, asked.units)
    assert prepare(quick, limit, asked.units)
    arrives(slow, ASKED)
    assert prepare(slow, limit, asked.units)

    found = asked.ends(quick)
    assert (found.firsts & FIRST, found.cell) == (FIRST, b"\x01")
    assert asked.ends(slow).firsts == 0


def test_a_body_too_large_to_be_kept_is_evidence_in_no_slice() -> None:
    """It is passed on before it is whole."""
    asked = worker(MODEL, TENANT, json_limit=Bytes(10))
    seen = asked.begins(None, length=len(ASKED), x_tenant=b"a")

    assert prepare(seen, asked.service.json_limit, asked.units)
    arrives(seen, ASKED)

    assert asked.ends(seen).firsts == 0


def test_settings_of_a_version_do_not_move_the_moment() -> None:
    """They are written into a whole body: that would wait where the other does not."""
    asked = worker(SIZE)
    seen = asked.begins(None, is_chunked=True)
    seen.target.set_json = ((("temperature",), b"0"),)
    limit = asked.service.json_limit

    assert not prepare(seen, limit, asked.units)
    arrives(seen, ASKED)
    assert prepare(seen, limit, asked.units)

    assert asked.ends(seen).firsts == 0


def test_a_request_without_a_key_is_a_unit_of_its_own() -> None:
    asked = worker(TENANT)
    assert asked.ends(asked.begins(key=None)).firsts == 0


def test_the_body_is_still_read_where_slices_are_told_by_the_head() -> None:
    asked = worker(TENANT)
    seen = asked.begins(None, x_tenant=b"a")
    arrives(seen, b'{"n":2}')
    asked.ends(seen)

    assert seen.reading is not None
    assert seen.reading.asked.choices == 2


JUDGE = Evaluator(name="judge", kind=EvaluatorKind.HTTP, scores=(Score(name="good"),))


@pytest.mark.parametrize("is_overdue", [False, True])
def test_a_record_says_by_which_draw_its_exchange_is_judged(
    *, is_overdue: bool
) -> None:
    """The same as its sample does, so that who is in no sample is not awaited."""
    asked = worker(evaluators=(replace(JUDGE, sample=0.5),))
    draws = []
    for number in range(200):
        seen = asked.begins(key=b"key %d" % number)
        if is_overdue:
            seen.note_overdue(20.0, asked.units)
        draws.append((asked.ends(seen).draw, seen.drawn))
    inside = [draw for draw, drawn in draws if drawn is not None]
    assert inside == [drawn.draw for _, drawn in draws if drawn is not None]
    assert {draw for draw, drawn in draws if drawn is None} == {NOT_DRAWN}
    assert 70 < len(inside) < 130
    assert all(draw is not None and is_in_sample(draw, 0.5) for draw in inside)


def test_a_record_of_a_service_without_evaluators_is_in_no_sample() -> None:
    asked = worker()
    assert asked.ends(asked.begins()).draw == NOT_DRAWN
