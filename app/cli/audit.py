"""`parlance audit`: who did what."""

from dataclasses import asdict

import click
import orjson

from app.cli.common import StoreGroup, UtcTime, echo_json, json_option, printable, utc, utc_minute
from app.cli.parts import parts
from app.store.audit import deeds

audit = StoreGroup("audit", help="Who did what to keys, users and conversations.")


@audit.command("list")
@click.option("--since", type=UtcTime(), default="1970-01-01", help="A date, as 2027-01-31, or a minute of it, in UTC.")
@json_option
def list_deeds(since: int, as_json: bool) -> None:
    """Every deed, oldest first: when, who, what, the id of what was changed, details."""
    found = deeds(parts().database, since)
    if as_json:
        echo_json([{**asdict(deed), "at": utc(deed.at)} for deed in found])
        return
    for deed in found:
        details = orjson.dumps(deed.details).decode() if deed.details else ""
        columns = [utc_minute(deed.at), deed.actor, deed.action, deed.object or "-", details]
        click.echo("\t".join(map(printable, columns)))
