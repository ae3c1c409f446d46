"""`sluicegate reload`: read the configuration again, without a restart."""

import typer

from gateway.cli import in_force
from gateway.cli.admin_api import DEFAULT_URL
from gateway.cli.options import AdminCa, AdminUrl, AsJson, admin_api


def reload(
    admin: AdminUrl = DEFAULT_URL, ca: AdminCa = None, as_json: AsJson = False
) -> None:
    """Make a running gateway read its configuration again; a bad one changes nothing."""
    from gateway.cli.screen import print_json
    from gateway.cli.views import ReloadReceipt, read

    answer = admin_api(admin, ca).reload()
    receipt = read(ReloadReceipt, answer)
    if as_json:
        print_json(answer)
    else:
        typer.echo(
            f"Reloaded {', '.join(receipt.services)}: epoch {receipt.epoch}, "
            f"{in_force.told(receipt.workers)}."
        )
    in_force.demand_everywhere(receipt.workers)
