"""`flask audit`: who did what."""

from dataclasses import asdict

import click

from app.cli.common import StoreGroup, UtcTime, printable, utc_minute
from app.store.audit import deeds
from app.web.responses.framing import json_bytes
from app.web.services import services

audit = StoreGroup("audit", help="Who did what to keys, users and conversations.")


@audit.command("list")
@click.option("--since", type=UtcTime(), default="1970-01-01", help="A date, as 2027-01-31, or a minute of it, in UTC.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line; `at` is in epoch milliseconds.")
def list_deeds(since: int, as_json: bool) -> None:
    """Every deed, oldest first: when, who, what, the id of what was changed, details."""
    for deed in deeds(services().database, since):
        if as_json:
            click.echo(json_bytes(asdict(deed)))
            continue
        details = json_bytes(deed.details).decode() if deed.details else ""
        columns = [utc_minute(deed.at), deed.actor, deed.action, deed.object or "-", details]
        click.echo("\t".join(map(printable, columns)))
