"""The registry of workloads."""

from collections.abc import Mapping

from loadtest.workloads.event_streams import EventStreams
from loadtest.workloads.json_posts import JsonPosts
from loadtest.workloads.workload import Amount, Workload


def workloads(amount: Amount) -> Mapping[str, Workload]:
    """Make the workloads by name, each of the given amount."""
    return {
        "J": JsonPosts("J", 350, amount),
        "J2": JsonPosts("J2", 2400, amount),  # 2 KB of text and its envelope
        "S": EventStreams(amount),
    }
