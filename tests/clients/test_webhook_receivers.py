"""The receivers of docs/webhooks.md, as they stand there: they take what Parlance sends, and refuse what others do."""

import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.sdk import installed

from app.store.outbox import payload_of
from app.testing.server import ROOT, eventually
from app.tools.http_request.hosts import parse_url
from app.webhooks.options import Webhook
from app.webhooks.posting import Answer, Poster, PostError
from app.webhooks.signing import secret_bytes

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
NPM = Path(__file__).parent / "npm-webhooks"
BODY = payload_of("question.unanswered", 0, {"question": "Wo läßt sich das reparieren? \N{GRINNING FACE}"})


def program(language: str) -> str:
    """The one of docs/webhooks.md."""
    page = (ROOT / "docs" / "webhooks.md").read_text()
    (found,) = re.findall(rf"^```{language}\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    return str(found)


@pytest.fixture(params=["python", "js"])
def receiver(request) -> Iterator[tuple[str, "subprocess.Popen[str]"]]:
    """Its URL, and the process."""
    with socket.create_server(("127.0.0.1", 0)) as chosen:
        port = chosen.getsockname()[1]
    flags = [sys.executable, "-c"] if request.param == "python" else ["node", "--input-type=module", "-e"]
    folder = ROOT if request.param == "python" else installed(NPM)
    env = {**os.environ, "PORT": f"{port}", "DESK_SECRET": SECRET}
    command = [*flags, program(request.param)]
    with subprocess.Popen(command, cwd=folder, env=env, stdout=subprocess.PIPE, text=True) as process:
        yield f"http://127.0.0.1:{port}/", process
        process.kill()


def sent(url: str, secret: str) -> Answer | None:
    """None while nobody listens."""
    webhook = Webhook(parse_url(url), frozenset(), None, True, secret_bytes(secret))
    try:
        return Poster().post(webhook, "0a1b", BODY)
    except PostError:
        return None


def test_a_receiver_takes_what_is_signed_with_its_secret_and_nothing_else(receiver) -> None:
    url, process = receiver
    assert eventually(lambda: sent(url, SECRET), 20).status == 204
    assert "question.unanswered" in process.stdout.readline()
    assert sent(url, "whsec_" + "A" * 32).status == 401
