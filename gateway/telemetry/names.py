"""The Prometheus names: a contract with other people's dashboards. Add, never rename."""

from typing import Final

REQUESTS: Final = "sluicegate_requests_total"
RESPONSES: Final = "sluicegate_responses_total"
DURATION: Final = "sluicegate_request_duration_seconds"
FIRST_BYTE: Final = "sluicegate_time_to_first_byte_seconds"
UPSTREAM_FAILURES: Final = "sluicegate_upstream_failures_total"
REFUSED: Final = "sluicegate_refused_total"
SIGNAL: Final = "sluicegate_signal_total"
SIGNAL_SUM: Final = "sluicegate_signal_sum"
WEIGHT: Final = "sluicegate_weight_percent"
UPSTREAM_CONNECTIONS: Final = "sluicegate_upstream_connections"
DOWNSTREAM_CONNECTIONS: Final = "sluicegate_downstream_connections"
WORKERS: Final = "sluicegate_workers"
EPOCH: Final = "sluicegate_routing_epoch"
BUILD: Final = "sluicegate_build_info"

OTHER: Final = "other"
"""The label value that stands for everything outside its closed set."""
