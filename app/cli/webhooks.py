"""`parlance webhooks`: who is told of what happens, and whether they hear it."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from app.cli.common import StoreGroup, echo_json, json_option, printable, utc, utc_minute
from app.cli.parts import parts
from app.store.deliveries import DeliveryState

if TYPE_CHECKING:
    from app.webhooks.options import Webhook

webhooks = StoreGroup("webhooks", help="Webhooks: listed, tested, tried again.")


@webhooks.command("list")
@json_option
def list_webhooks(as_json: bool) -> None:
    """Each webhook: name, host, how many deliveries wait and were given up, the last one that was taken, since when it
    fails and why. One that is configured no more is listed as long as something waits for it."""
    configured = parts().settings.webhooks
    known = {state.webhook: state for state in parts().deliveries.states()}
    left = [name for name, state in known.items() if name not in configured and (state.waiting or state.failed)]
    states = [known.get(name, DeliveryState(name)) for name in [*configured, *left]]
    hosts = {name: webhook.target.host for name, webhook in configured.items()}
    if as_json:
        echo_json([_described(state, hosts.get(state.webhook)) for state in states])
        return
    for state in states:
        click.echo("\t".join(_columns(state, hosts.get(state.webhook))))


def _described(state: DeliveryState, host: str | None) -> dict[str, Any]:
    return {
        **asdict(state),
        "delivered_at": utc(state.delivered_at) if state.delivered_at else None,
        "failing_since": utc(state.failing_since) if state.failing_since else None,
        "host": host,
    }


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
    from app.webhooks.posting import PostError

    webhook = _webhook(name)
    try:
        answer = parts().poster.test(name, webhook)
    except PostError as error:
        raise click.ClickException(printable(str(error))) from error
    click.echo("\t".join(filter(None, [str(answer.status), printable(answer.body[:200]).strip()])))
    if not 200 <= answer.status < 300:
        raise SystemExit(1)


@webhooks.command("retry")
@click.argument("name")
def retry(name: str) -> None:
    """Let all that were given up, and those that wait, be due now; prints how many. What is being sent is left alone,
    as is, for up to a minute, what a worker was sending that was killed."""
    _webhook(name)
    click.echo(parts().deliveries.retry(name))


def _webhook(name: str) -> "Webhook":
    configured = parts().settings.webhooks
    if name not in configured:
        raise click.UsageError(f"There is no webhook {name!r}; there are: {', '.join(configured) or 'none'}.")
    return configured[name]
