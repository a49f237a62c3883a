"""What an operator takes out for an end user: everything that was said, or all trace of it."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from support.agents import Client, answered, chunks, text

from app.testing.server import Server, new_session_id, script


@pytest.fixture
def ann() -> str:
    """An end user of whom nobody else speaks."""
    return f"ann-{new_session_id()}"


def exported(server: Server, *options: str) -> Iterator[dict[str, Any]]:
    printed = server.flask("conversations", "export", *options).stdout
    lines = printed.split("\n")  # what was said may hold other ends of lines
    return map(json.loads, filter(None, lines))


def test_an_export_has_every_message_of_an_agents_conversations_in_order(server, ann) -> None:
    client, other = Client.new(server), Client.new(server, "site")
    call = {"call": "calculator", "args": {"expression": "6*7"}}
    first = client.ask(script({"reasoning": "Hm"}, call, {"text": "42"}), userId=ann)
    conversation = first["metadata"]["conversationId"]
    second = answered(client.retry(conversation, first["id"]))
    client.rate(conversation, second["id"], "positive")
    later = client.ask("later: may I speak to a human?", userId=ann)
    for each, whom in ((client, new_session_id()), (other, ann)):
        each.ask("not asked for", userId=whom)

    found = list(exported(server, "--agent", "open", "--user", ann, "--format", "jsonl"))
    ids = [said["metadata"]["conversationId"].replace("-", "") for said in (first, later)]
    assert [each["id"] for each in found] == ids
    assert {(each["agent"], each["channel"], each["end_user"], each["state"]) for each in found} == {
        ("open", "agents", ann, "ongoing")
    }
    assert [each["title"] for each in found] == [found[0]["title"], "later: may I speak to a human?"]
    assert [each["mark"] for each in found[1]["messages"]] == [None, "handover"]
    question, superseded, answer = found[0]["messages"]
    assert (question["role"], question["status"], question["credits"]) == ("user", "complete", None)
    shown = [("superseded", first["id"], None), ("complete", second["id"], "positive")]
    assert [(each["status"], f"msg_{each['id']}", each["feedback"]) for each in (superseded, answer)] == shown
    assert [each["credits"] for each in (superseded, answer)] == [1, 1]
    assert [each["mark"] for each in found[0]["messages"]] == [None, None, None]
    assert [part["type"] for part in answer["parts"]] == ["reasoning", "tool-call", "tool-result", "text"]
    assert answer["parts"][-1] == text("42")

    whole = [each["id"] for each in exported(server, "--agent", "open")]
    assert set(ids) < set(whole), "without a user, everybody's"
    assert list(exported(server, "--agent", "open", "--user", new_session_id())) == []
    assert server.flask("conversations", "export", "--agent", "nobody", check=False).returncode == 2


def test_what_was_said_to_an_agent_that_is_configured_no_more_is_exported_all_the_same(server, ann, tmp_path) -> None:
    Client.new(server, "site").ask("x", userId=ann)
    same = {"PARLANCE_HOME": str(server.home / "instance"), "DATABASE_URL": server.store_url}
    later = Server(tmp_path, changes={"[agents.site]": "[agents.another]"}, env=same)
    later.close()
    assert [each["agent"] for each in exported(later, "--agent", "site", "--user", ann)] == ["site"]
    assert later.flask("conversations", "export", "--agent", "site", "--user", new_session_id(), check=False).returncode


def test_who_is_erased_is_gone_with_every_agent_and_from_the_files_and_nobody_else_is(server, ann) -> None:
    secret, client, other = new_session_id(), Client.new(server), Client.new(server, "site")
    kept = client.ask("x", userId=new_session_id())["metadata"]["conversationId"]
    for each in (client, other):
        asked = each.ask(f"My secret is {secret}.", userId=ann)
        each.retry(asked["metadata"]["conversationId"], asked["id"])
    assert server.flask("conversations", "erase", "--user", ann).stdout == "2\n"
    assert server.flask("conversations", "erase", "--user", ann).stdout == "0\n"
    for each in (client, other):
        assert each.get(f"/users/{ann}/conversations")["data"] == []
    files = [path.read_bytes() for path in server.database.parent.glob("parlance.db*") if path.is_file()]
    assert files or server.database_url
    assert not any(word.encode() in content for content in files for word in (secret, ann))
    assert client.said(kept) == [("user", "x"), ("assistant", "Hello")]


def test_one_conversation_is_erased_by_its_id_and_a_callers_own(server, ann) -> None:
    client = Client.new(server)
    first, second = (client.ask(word, userId=ann)["metadata"]["conversationId"] for word in ("one", "two"))
    assert server.flask("conversations", "erase", "--id", first).stdout == "1\n"
    assert server.flask("conversations", "erase", "--id", first.replace("-", "")).stdout == "0\n"
    assert client.said(second)[0] == ("user", "two")
    page = new_session_id()
    chunks(client.page(page, {"id": "m1", "role": "user", "parts": [text("three")]}))
    other = server.flask("conversations", "erase", "--session", page, "--agent", "site")
    assert other.stdout == "0\n"
    assert server.flask("conversations", "erase", "--session", page, "--agent", "open").stdout == "1\n"
    assert len(client.get(f"/users/{ann}/conversations")["data"]) == 1


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ([], "Name one of --user, --id, --session."),
        (["--user", "a", "--id", "0" * 32], "Name one of --user, --id, --session."),
        (["--session", "s"], "--session and --agent go together."),
        (["--user", "a", "--agent", "open"], "--session and --agent go together."),
        (["--id", "x"], "'x' is not the id of a conversation."),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_it_is_clear_what_is_to_be_erased(server, options, reason) -> None:
    ran = server.flask("conversations", "erase", *options, check=False)
    assert (ran.returncode, ran.stdout) == (2, "")
    assert reason in ran.stderr


def test_a_running_answer_is_ended_before_its_conversation_goes(server, ann) -> None:
    client = Client.new(server)
    with client.open(script({"text": "Well"}, {"pause": 20}, {"text": "no"}), userId=ann, stream=True) as caller:
        while b"Well" not in caller.recv(65536):
            pass
        assert server.flask("conversations", "erase", "--user", ann).stdout == "1\n"
        caller.settimeout(3)
        while caller.recv(65536):
            pass
    assert client.get(f"/users/{ann}/conversations")["data"] == []


def test_a_conversation_is_pinned_by_its_id_and_the_export_says_so(server, ann) -> None:
    conversation = Client.new(server).ask("x", userId=ann)["metadata"]["conversationId"]
    pinned = lambda: [each.get("pinned") for each in exported(server, "--agent", "open", "--user", ann)]  # noqa: E731
    for command, says in (("pin", True), ("pin", True), ("unpin", None)):
        ran = server.flask("conversations", command, conversation)
        assert (ran.stdout, ran.stderr, pinned()) == ("", "", [says])
    ran = server.flask("conversations", "pin", "0" * 32, check=False)
    assert (ran.returncode, ran.stdout) == (1, "")
    assert server.flask("conversations", "unpin", "x", check=False).returncode == 2
