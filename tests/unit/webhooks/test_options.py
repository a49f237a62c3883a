"""The tables [webhooks.NAME]: what they load into, and each mistake in them."""

import pytest
from marshmallow import ValidationError

from app.settings.checks import ConfigSchema
from app.store.webhook_events import EVENTS
from app.webhooks.options import WebhookOptions

SECRET = "correct horse battery staple"
TABLE = {"url": "https://hooks.example.com/parlance", "secret_env": "HOOK_SECRET"}


@pytest.fixture(autouse=True)
def secret(monkeypatch) -> None:
    monkeypatch.setenv("HOOK_SECRET", SECRET)


def test_a_table_of_two_lines_is_told_of_everything() -> None:
    webhook = WebhookOptions().load(TABLE)
    assert (webhook.target.host, webhook.target.path) == ("hooks.example.com", "/parlance")
    assert (webhook.events, webhook.agents, webhook.private) == (frozenset(EVENTS), None, False)
    assert webhook.secret == SECRET.encode()
    assert SECRET not in repr(webhook)


def test_a_service_of_ones_own_may_be_asked_without_tls() -> None:
    webhook = WebhookOptions().load({**TABLE, "url": "http://127.0.0.1:9000/", "private": True})
    assert (webhook.target.port, webhook.private) == (9000, True)


@pytest.mark.parametrize(
    ("changes", "place", "problem"),
    [
        ({"url": "http://hooks.example.com/"}, "url", "Must be https, unless private = true"),
        ({"url": "ftp://hooks.example.com/"}, "url", "That is not a URL"),
        ({"url": "https://ada:secret@hooks.example.com/"}, "url", "A URL with a user or a password is not taken"),
        ({"url": "https://ada@hooks.example.com"}, "url", "A URL with a user or a password is not taken"),
        ({"url": "https://hooks.example.com:x/@"}, "url", "That is not a URL"),
        ({"url": "https://[fe80::1%25eth0]/"}, "url", "fe80::1%25eth0 is a link-local address"),
        ({"url": "https://127.0.0.1/"}, "url", "127.0.0.1 is no public address; private = true says"),
        ({"url": "https://[fd00::1]/"}, "url", "fd00::1 is no public address"),
        (
            {"url": "http://169.254.169.254/", "private": True},
            "url",
            "169.254.169.254 is a link-local address, as clouds'",
        ),
        ({"url": "https://metadata.google.internal/"}, "url", "metadata.google.internal is a cloud's metadata service"),
        ({"url": None}, "url", "Field may not be null."),
        ({"events": []}, "events", "Shorter than minimum length 1."),
        ({"events": ["answer.made"]}, "events", "Must be one of: conversation.started, "),
        ({"agents": []}, "agents", "Shorter than minimum length 1."),
        ({"private": "yes"}, "private", "Not a valid boolean."),
        ({"secret": SECRET}, "secret", "Unknown field."),
        ({"secret_env": "NO_SUCH"}, "secret_env", "The environment variable NO_SUCH is not set."),
        ({"secret_env": "PATH_SHORT"}, "secret_env", "The environment variable PATH_SHORT has 5 bytes"),
    ],
)
def test_a_mistake_is_named_by_its_place(monkeypatch, changes, place, problem) -> None:
    monkeypatch.setenv("PATH_SHORT", "short")
    with pytest.raises(ValidationError) as error:
        WebhookOptions().load(TABLE | changes)
    assert [*error.value.messages] == [place]
    assert problem in str(error.value.messages[place])
    assert SECRET not in str(error.value.messages)


def test_a_webhook_names_agents_that_exist(tmp_path) -> None:
    config = {
        "models": {"m": {"provider": "builtin"}},
        "agents": {"demo": {"model": "m"}},
        "webhooks": {"desk": {**TABLE, "agents": ["demo", "other"]}},
    }
    with pytest.raises(ValidationError) as error:
        ConfigSchema(tmp_path, tmp_path).load(config)
    assert error.value.messages == {"webhooks": {"desk": {"agents": "There is no agent 'other'; there are: demo."}}}
