"""Whatever happens to connections, and in whatever order: no answer twice, none lost.

Answers come in the order of the requests; when all have left nothing is counted as
running, and no code of ours has failed.
"""

import logging

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

from tests.properties.life import ANSWERS, ClientEnd, Complaint, EndpointEnd, Life

REQUESTS = (
    b"GET /%d HTTP/1.1\r\nHost: h\r\n\r\n",
    b"HEAD /%d HTTP/1.1\r\nHost: h\r\n\r\n",
    b"GET /%d HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n",
    b"GET /%d HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
    b"POST /%d HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello",
    b"POST /%d HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    b"POST /%d HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\nhello",
    b"GET /%d HTTP/1.1\r\nHost: h\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n",
    b"GET /%d HTTP/1.1\r\nHost: h\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n",
    b"GET /%d HTTP/1.1\r\nX A: 1\r\n\r\n",
    b"POST /%d HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhelloXX",
)
which = st.integers(0, 7)
sizes = st.sampled_from([1, 7, 40, 10_000, 10_000, 10_000])


class ConnectionLife(RuleBasedStateMachine):
    """Clients and endpoints that do anything at any time."""

    @initialize()
    def begin(self) -> None:
        self.life = Life()
        self.life.connect_client()
        self.complaint = Complaint(logging.ERROR)
        logging.getLogger("sluicegate").addHandler(self.complaint)

    def client(self, number: int) -> ClientEnd:
        return self.life.clients[number % len(self.life.clients)]

    def endpoint(self, number: int) -> EndpointEnd:
        return self.life.endpoints[number % len(self.life.endpoints)]

    has_client = precondition(lambda self: bool(self.life.clients))
    has_endpoint = precondition(lambda self: bool(self.life.endpoints))
    is_dialling = precondition(lambda self: self.life.dials > 0)

    @precondition(lambda self: len(self.life.clients) < 3)
    @rule()
    def a_client_comes(self) -> None:
        self.life.connect_client()

    @has_client
    @rule(number=which, kind=st.sampled_from(REQUESTS), size=sizes)
    def a_client_asks(self, number: int, kind: bytes, size: int) -> None:
        client = self.client(number)
        self.life.ask(client, kind)
        if client.may_send:
            client.send(size)

    @has_client
    @rule(number=which, size=sizes)
    def a_client_sends(self, number: int, size: int) -> None:
        if self.client(number).may_send:
            self.client(number).send(size)

    @has_client
    @rule(number=which, is_reset=st.booleans())
    def a_client_leaves(self, number: int, is_reset: bool) -> None:
        client = self.client(number)
        if not client.is_closed:
            client.lose(ConnectionResetError() if is_reset else None)

    @has_client
    @rule(number=which)
    def a_client_ends_its_sending(self, number: int) -> None:
        client = self.client(number)
        if not (client.is_closed or client.is_paused):
            client.end_sending()

    @has_client
    @rule(number=which)
    def a_client_turns_slow_or_fast(self, number: int) -> None:
        self.client(number).turn_slow()

    @is_dialling
    @rule(well=st.sampled_from([True, True, True, False]))
    def a_dial_ends(self, well: bool) -> None:
        self.life.end_dial(well=well)

    @has_endpoint
    @rule(
        number=which,
        kind=st.sampled_from([*ANSWERS, "length", "length", "chunks"]),
        early=st.booleans(),
        size=sizes,
    )
    def an_endpoint_answers(
        self, number: int, kind: str, early: bool, size: int
    ) -> None:
        endpoint = self.endpoint(number)
        self.life.answer(endpoint, kind, early=early)
        if endpoint.may_send:
            endpoint.send(size)

    @has_endpoint
    @rule(number=which, size=sizes)
    def an_endpoint_sends(self, number: int, size: int) -> None:
        if self.endpoint(number).may_send:
            self.endpoint(number).send(size)

    @has_endpoint
    @rule(number=which, is_reset=st.booleans())
    def an_endpoint_closes(self, number: int, is_reset: bool) -> None:
        endpoint = self.endpoint(number)
        if not endpoint.is_closed:
            endpoint.lose(ConnectionResetError() if is_reset else None)

    @has_endpoint
    @rule(number=which)
    def an_endpoint_turns_slow_or_fast(self, number: int) -> None:
        self.endpoint(number).turn_slow()

    @rule(seconds=st.sampled_from([0.1, 0.6, 3.0, 11.0, 61.0, 700.0]))
    def time_passes(self, seconds: float) -> None:
        self.life.pass_time(seconds)

    @precondition(lambda self: self.life.requests > 5)
    @rule()
    def the_worker_drains(self) -> None:
        self.life.plane.drain()

    @invariant()
    def nothing_is_out_of_order(self) -> None:
        if hasattr(self, "life"):
            self.life.settle()
            self.life.check()

    def teardown(self) -> None:
        if hasattr(self, "life"):
            try:
                self.life.end()
            finally:
                logging.getLogger("sluicegate").removeHandler(self.complaint)


ConnectionLife.TestCase.settings = settings(
    max_examples=60, stateful_step_count=40, deadline=None
)
TestConnectionLife = ConnectionLife.TestCase
