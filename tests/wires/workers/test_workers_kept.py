"""What is kept of what callers of the Workers AI wire post each time: the question, the answer, and the rest once."""

import http.client
import json
import os
from typing import Any

import pytest
from support.wires import Workers, WorkersWhole

from app.testing.caller import Caller
from app.testing.server import Server, eventually, random_address, script

DAY = 24 * 3600
NARROW = {"stored_bytes_per_day = 100000000000": "stored_bytes_per_day = 20000"}


def messages(*texts: str) -> list[dict[str, str]]:
    return [{"role": "assistant" if place % 2 else "user", "content": text} for place, text in enumerate(texts)]


def ask_from(server: Server, address: str, body: Any, key: str = "") -> tuple[int, dict[str, str], bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30, source_address=(address, 0))
    headers = {"Content-Type": "application/json", **({"x-api-key": key} if key else {})}
    connection.request("POST", "/api/chat", json.dumps(body), headers)
    response = connection.getresponse()
    answer = response.status, dict(response.getheaders()), response.read()
    connection.close()
    return answer


def answered(server: Server, address: str, body: Any) -> tuple[int, dict[str, str], bytes]:
    """As `ask_from`; what the answer takes has been counted, which it is a moment after the last byte."""
    before = len(server.log("turn"))
    answer = ask_from(server, address, body)
    if answer[0] == 200:
        eventually(lambda: len(server.log("turn")) > before)
    return answer


def conversation_of(caller: Caller, question: str) -> dict[str, Any]:
    """As an operator exports it."""
    stored = caller.stored(question)
    printed = caller.server.flask("conversations", "export", "--agent", "open").stdout
    found = [json.loads(line) for line in printed.split("\n") if stored[0]["conversation_id"] in line[:60]]
    (whole,) = [each for each in found if each["id"] == stored[0]["conversation_id"]]
    return dict(whole)


def texts(said: list[dict[str, Any]]) -> list[str]:
    return ["".join(part["text"] for part in each["parts"]) for each in said]


@pytest.fixture(scope="module")
def caller(server) -> Caller:
    """With a key that nobody else has."""
    return Caller(WorkersWhole(), server, server.key("secret"))


def test_the_next_question_of_a_talk_is_kept_without_what_was_posted_before(caller) -> None:
    first, second = script({"text": "one"}), script({"text": "two"}, {"text": os.urandom(4).hex()})
    caller.post({"messages": messages(first)})
    response = caller.post({"messages": messages(first, "one", second), "stream": False})
    assert response.json()["usage"]["prompt_tokens"] == 3, "the model has seen all of it"
    whole = conversation_of(caller, second)
    assert texts(whole["messages"])[0] == second
    assert len(whole["messages"]) == 2
    assert "posted" not in whole
    assert whole["follows"] == caller.stored(first)[0]["conversation_id"]
    assert whole["title"] == first, "it is the same talk"


def test_what_was_never_said_here_is_kept_beside_the_question(caller) -> None:
    question = script({"text": "three"}, {"text": os.urandom(4).hex()})
    said = ["Was it dear?", "No.", "Is it now?", "Yes."]
    assert caller.post({"messages": messages(*said, question)}).status_code == 200
    whole = conversation_of(caller, question)
    assert texts(whole["posted"]) == said
    assert [each["role"] for each in whole["posted"]] == ["user", "assistant"] * 2
    assert texts(whole["messages"])[0] == question
    assert "follows" not in whole


def test_of_callers_without_a_key_nothing_is_kept_but_what_is_asked_and_answered(server) -> None:
    nobody = Caller(Workers(), server, "")
    question = script({"text": "four"}, {"text": os.urandom(4).hex()})
    status, _, body = ask_from(server, random_address(), {"messages": messages("before", "said", question)})
    assert status == 200
    assert b'"prompt_tokens":3' in body, "the model has seen all of it"
    whole = conversation_of(nobody, question)
    assert texts(whole["messages"])[0] == question
    assert len(whole["messages"]) == 2
    assert not {"posted", "follows"} & set(whole)
    assert "before" not in json.dumps(whole)


def size(server: Server) -> int:
    """Of the database, in bytes."""
    sqlite = "SELECT page_count * page_size AS size FROM pragma_page_count(), pragma_page_size()"
    query = "SELECT pg_database_size(current_database()) AS size" if server.database_url else sqlite
    return int(server.rows(query)[0]["size"])


def test_a_minute_of_posts_of_240_kilobytes_takes_no_room_of_an_address(start) -> None:
    server, here = start(), random_address()
    before = size(server)
    for number in range(20):
        said = [os.urandom(1500).hex() for _ in range(80)]
        question = script({"text": f"answer {number}"})
        assert ask_from(server, here, {"messages": messages(*said, question)})[0] == 200
    assert size(server) - before < 200_000


def test_a_talk_of_a_key_that_is_posted_whole_each_time_takes_what_is_new(start) -> None:
    server = start()
    caller, said, posted, new = Caller(WorkersWhole(), server, server.key("secret")), [], 0, 0
    before = size(server)
    for number in range(20):
        question = script({"text": f"{number} {os.urandom(2500).hex()}"})
        body = json.dumps({"messages": messages(*said, question), "stream": False})
        answer = caller.post(body.encode()).json()["response"]
        said += [question, answer]
        posted += len(body)
        new += len(question) + len(answer)
    assert posted > 2_000_000
    assert size(server) - before < 3 * new, "in whole pages, and indexed"


def test_an_address_without_a_key_has_so_much_stored_in_a_day_and_no_more(start) -> None:
    server, here = start(changes=NARROW), random_address()
    body = {"prompt": script({"text": "x" * 1000, "times": 9})}
    statuses = []
    while 429 not in statuses:
        status, headers, refusal = answered(server, here, body)
        statuses.append(status)
        assert len(statuses) < 10
    assert statuses == [200, 200, 429], "each takes nine thousand bytes, and its rows"
    assert DAY - 3700 < int(headers["Retry-After"]) <= DAY + 3600
    assert json.loads(refusal) == {"code": 429, "message": "Too many requests", "error": "Too many requests"}
    assert ask_from(server, random_address(), body)[0] == 200, "another address"
    assert ask_from(server, here, body, server.key("secret"))[0] == 200, "a key pays for itself"
    stored = server.rows("SELECT count(*) FROM conversations WHERE owner = 'anonymous'")[0][0]
    assert stored == 3, "nothing is kept of what is refused"


def test_what_the_steps_of_a_workflow_keep_counts_too(start, tmp_path) -> None:
    steps = [{"id": f"s{number}", "say": "x" * 3900} for number in range(4)]
    steps.append({"id": "last", "say": "done", "dependsOn": [step["id"] for step in steps]})
    workflow = {"id": "5f0c3a4e-8c1b-4d5e-9a53-1f6f6a0f2b99", "name": "Wide", "steps": steps}
    (tmp_path / "wide.yaml").write_text(json.dumps(workflow))
    follows = {
        **NARROW,
        "[limits]\n": f'[workflows]\nfiles = ["{tmp_path}/wide.yaml"]\n\n[limits]\n',
        "[agents.open] ": '[agents.open]\nworkflow = "Wide" ',
    }
    server, here = start(changes=follows), random_address()
    assert [answered(server, here, {"prompt": "hi"})[0] for _ in range(3)] == [200, 200, 429]
