"""`flask webhooks`: who is told of what happens, and whether they hear it."""

from dataclasses import asdict
from typing import Any

import click

from app.cli.common import StoreGroup, printable, utc_minute
from app.store.deliveries import DeliveryState
from app.web.responses.framing import json_bytes
from app.web.services import services
from app.webhooks.posting import PostError

webhooks = StoreGroup("webhooks", help="Webhooks: listed, tested, tried again.")


@webhooks.command("list")
@click.option("--json", "as_json", is_flag=True, help="One object a line; times in milliseconds since the epoch.")
def list_webhooks(as_json: bool) -> None:
    """Each webhook: name, host, how many deliveries wait and were given up, the last one that was taken, since when it
    fails and why. One that is configured no more is listed as long as something waits for it."""
    configured = services().webhooks.webhooks
    known = {state.webhook: state for state in services().webhooks.deliveries.states()}
    left = [name for name, state in known.items() if name not in configured and (state.waiting or state.failed)]
    for name in [*configured, *left]:
        state = known.get(name, DeliveryState(name))
        webhook = configured.get(name)
        host = webhook.target.host if webhook else None
        click.echo(json_bytes({**asdict(state), "host": host}) if as_json else "\t".join(_columns(state, host)))


def _columns(state: DeliveryState, host: str | None) -> list[str]:
    delivered = f"delivered {utc_minute(state.delivered_at)}" if state.delivered_at else "nothing delivered"
    failing = f"failing since {utc_minute(state.failing_since)}" if state.failing_since else "not failing"
    error: list[Any] = [printable(state.last_error)] if state.last_error else []
    counts = f"{state.waiting} waiting", f"{state.failed} failed"
    return [state.webhook, host or "not configured", *counts, delivered, failing, *error]


@webhooks.command("test")
@click.argument("name")
def test_webhook(name: str) -> None:
    """Send the event `webhook.test` now, and print what was answered."""
    _check(name)
    try:
        answer = services().webhooks.test(name)
    except PostError as error:
        raise click.ClickException(printable(str(error))) from error
    click.echo("\t".join(filter(None, [str(answer.status), printable(answer.body[:200]).strip()])))
    if not 200 <= answer.status < 300:
        raise SystemExit(1)


@webhooks.command("retry")
@click.argument("name")
def retry(name: str) -> None:
    """Let all that were given up, and those that wait, be due now; prints how many."""
    _check(name)
    click.echo(services().webhooks.deliveries.retry(name))


def _check(name: str) -> None:
    configured = services().webhooks.webhooks
    if name not in configured:
        raise click.UsageError(f"There is no webhook {name!r}; there are: {', '.join(configured) or 'none'}.")
