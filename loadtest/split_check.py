"""Does a proxy do the work it is measured for? Both versions used, keys sticky."""

import asyncio
from dataclasses import dataclass

from loadtest.load.http_client import Client, chat_request, connect

_USERS = 100
_DEADLINE_S = 30.0
_VERSION = b"x-served-by"


@dataclass(frozen=True, slots=True)
class Split:
    """How a hundred users were split when each of them asked twice."""

    second_share: float  # of users on v2, 0 to 1
    sticky: bool  # each user met one version only


def check_split(port: int) -> Split:
    """Ask as a hundred users, twice each."""
    first, again = asyncio.run(_ask_twice(port))
    return Split(first.count(b"v2") / len(first), first == again)


async def _ask_twice(port: int) -> tuple[list[bytes], list[bytes]]:
    async with asyncio.timeout(_DEADLINE_S):
        client = await connect(port)
        answers = [await _ask_all(client) for _ in range(2)]
        client.close()
    return answers[0], answers[1]


async def _ask_all(client: Client) -> list[bytes]:
    users = (f"user-{number:04d}" for number in range(_USERS))
    requests = (chat_request(user, streamed=False) for user in users)
    answers = [await client.exchange(request) for request in requests]
    return [answer.headers.get(_VERSION, b"") for answer in answers]
