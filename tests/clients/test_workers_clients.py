"""The npm packages that read Workers AI's stream, unchanged, and one that reads any: what they tell their pages."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from support.sdk import installed

from app.testing.server import Server, new_session_id, script

FOLDER = Path(__file__).with_name("npm-workers")
SILENCES = ({"pause": 0.7}, {"text": "Hel"}, {"pause": 0.7}, {"text": "lo "}, {"burst": ["a\u2028", "b\x85 ", '"ü"']})
SAID = 'Hello a\u2028b\x85 "ü"'
CALL = {"call": "calculator", "args": {"expression": "2+2"}}
every_client = pytest.mark.parametrize("client", ["provider", "langchain", "fetch-event-source"])


def ask(server: Server, client: str, *messages: dict[str, Any], key: str, header: str = "") -> dict[str, Any]:
    """What the client tells; see npm-workers/ask.mjs."""
    command = ["node", "ask.mjs", client, server.url, key, json.dumps(messages), header]
    ran = subprocess.run(command, cwd=installed(FOLDER), capture_output=True, text=True, timeout=60, check=False)
    assert ran.returncode == 0, ran.stderr
    return dict(json.loads(ran.stdout.rstrip("\n").rpartition("\n")[2]))


def user(*cues: dict[str, Any]) -> dict[str, Any]:
    return {"role": "user", "content": script(*cues)}


@every_client
def test_the_answer_arrives_whole_whatever_it_says_and_however_long_it_is_silent(server, secret_key, client) -> None:
    told = ask(server, client, user(CALL, *SILENCES), key=secret_key)
    assert told["text"] == SAID
    if client == "provider":
        assert (told["calls"], told["errors"], told["reason"]) == ([], [], "stop"), "the agent's calls are its own"
    if client == "langchain":
        assert told["invoked"] == SAID
    if client == "fetch-event-source":
        assert (told["requests"], told["empty"]) == (1, 0), "a keep-alive is no message"


@pytest.mark.parametrize(
    ("end", "reason"), [({"finish": "length"}, "length"), ({"fail": "upstream_failed"}, "error")], ids=str
)
def test_the_provider_tells_why_the_answer_ended(server, secret_key, end, reason) -> None:
    told = ask(server, "provider", user({"text": "so far"}, end), key=secret_key)
    assert (told["text"], told["reason"]) == ("so far", reason)


@every_client
def test_an_event_with_calls_harms_nobody(server, client) -> None:
    told = ask(server, client, user(CALL, {"text": "4"}), key=server.key("secret", "frank"))
    assert told["text"] == "4"
    assert told.get("calls", ["calculator"]) == ["calculator"], "the provider's page is told"


def test_what_the_provider_posts_of_calls_and_results_is_understood(server, secret_key) -> None:
    question = user({"call": "calculator", "args": {}}, {"text": "with its result"})
    call = {"type": "tool-call", "toolCallId": "a1", "toolName": "calculator", "input": {"expression": "2+2"}}
    output = {"type": "text", "value": "4"}
    result = {"type": "tool-result", "toolCallId": "a1", "toolName": "calculator", "output": output}
    posted = [question, {"role": "assistant", "content": [call]}, {"role": "tool", "content": [result]}]
    told = ask(server, "provider", *posted, key=secret_key)
    assert (told["text"], told["errors"]) == ("with its result", []), "the scripted model plays on behind its call"


@pytest.mark.parametrize("header", ["last-event-id", "Last-Event-ID"], ids=["the client's letters", "other letters"])
def test_a_tab_that_is_hidden_and_seen_again_joins_its_answer(server, secret_key, header) -> None:
    """In other letters, the client sends its own header beside the page's, which `fetch` makes one of: `, ANSWER.6`."""
    mark = new_session_id()
    asked = user({"text": "so "}, {"text": "far"}, {"pause": 0.3}, {"text": " and"}, {"text": f" further {mark}"})
    told = ask(server, "a hidden tab", asked, key=secret_key, header=header)
    assert told["text"] == f"so far and further {mark}"
    assert told["requests"] == [[200, None], [200, "true"]], "and at the end none"
    rows = server.rows("SELECT id FROM messages WHERE role = 'user' AND parts LIKE ?", f"%{mark}%")
    assert len(rows) == 1
