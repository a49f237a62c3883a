"""The sample programs that the wires' documents print, run as a person would run them."""

import subprocess
import sys

from conftest import SAMPLES
from support.nginx import needs_nginx
from support.trial import trial

from app.testing.server import Server

WORKERS = ["workers-000.js", "workers-001.js", "workers-001.py", "workers-001-single.sh", "workers-001-multi.sh"]
WIDGET = ["widget-002.mjs", "widget-002.py", "widget-002.sh"]
AGENTS = ["agents-003.mjs"]
CHATS = ["chats-004.sh"]
PASSWORD = "correct horse"


def test_the_documents_own_programs_get_right_answers(start) -> None:
    server: Server = start(
        changes={
            "[agents.open]": "[agents.other]",
            "public = true": "",
            "[agents.site]": "[agents.site]\npublic = true",
        }
    )
    keys = ["--widget-key", server.key("widget", "site"), "--api-key", server.key("secret", "site"), "--agent", "site"]
    user = ["--email", "ada@example.com", "--password", PASSWORD]
    server.flask("users", "create", "--email", "ada@example.com", "--password-stdin", stdin=f"{PASSWORD}\n")
    all_get_right_answers(server.url, *keys, *user)


@needs_nginx
def test_so_they_do_of_two_servers_behind_nginx(tmp_path) -> None:
    with trial(tmp_path) as several:
        keys = ["--widget-key", several.keys["widget"], "--api-key", several.keys["secret"]]
        all_get_right_answers(several.url, *keys, "--email", "demo@example.com", f"--password={several.password}")


def all_get_right_answers(url: str, *more: str) -> None:
    ran = subprocess.run(
        [sys.executable, SAMPLES / "run.py", url, *WORKERS, *WIDGET, *AGENTS, *CHATS, *more],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert ran.stdout.splitlines()[-1:] == ["10 passed, 0 failed"], ran.stdout + ran.stderr
