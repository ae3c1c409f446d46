"""What every change answers with: where it is in force, and whether it will last."""

from typing import Final

from gateway.admin.ports import Receipt
from gateway.admin.statistics import Json
from gateway.domain.errors import Refused

_LONGEST_REASON: Final = 500


def receipt_view(receipt: Receipt) -> Json:
    """Show what a change came to."""
    return {
        "epoch": receipt.table.epoch,
        "workers": {
            "configured": receipt.configured,
            "connected": receipt.connected,
            "in_force": receipt.in_force,
        },
        "durable": receipt.durable,
    }


def longest_reason(reason: str) -> str:
    """Give *reason* back.

    Raises:
        Refused: 400, it is too long for the record.

    """
    if len(reason) > _LONGEST_REASON:
        raise Refused(
            400,
            f"The reason has {len(reason)} characters.",
            remedy=f"Say it in {_LONGEST_REASON}.",
        )
    return reason
