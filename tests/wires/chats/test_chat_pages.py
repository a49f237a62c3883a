"""Chats, workflows and runs are read in pages of bounded bytes, with a cursor that is good for its own list only."""

import json
import uuid

import pytest
from support.chat_workflows import GREET, SHIPPED, make
from support.users import Person, refusal

from app.testing.server import script

PAGE_BYTES = 1_048_576


@pytest.fixture(scope="module")
def ada(server) -> Person:
    return Person.new(server)


def test_a_chat_that_fits_is_read_whole_and_names_no_cursor(ada) -> None:
    chat = ada.chat()
    for number in range(3):
        ada.ask(chat, script({"text": f"{number}"}))
    whole = ada.call("GET", f"/api/chats/{chat}/messages").json()
    assert [set(whole), len(whole["messages"])] == [{"messages"}, 6]
    assert ada.call("GET", f"/api/chats/{chat}/messages", limit=500).json() == whole


def test_pages_of_a_chat_go_back_from_its_end_while_more_is_said(ada) -> None:
    chat = ada.chat()
    for number in range(3):
        ada.ask(chat, script({"text": f"{number}"}))
    messages = ada.messages(chat)
    path, pages, cursor = f"/api/chats/{chat}/messages", [], None
    while len(pages) < 3:
        page = ada.call("GET", path, limit=2, **({"cursor": cursor} if cursor else {})).json()
        cursor = page.get("nextCursor")
        pages.append(page["messages"])
        ada.ask(chat, script({"text": "later"}))
    assert pages == [messages[4:], messages[2:4], messages[:2]]
    assert cursor is None, "the beginning is the last page"


@pytest.mark.parametrize("limit", ["0", "501", "-1", "x", "1.5", "", "9" * 30])
def test_a_page_has_1_to_500_messages(ada, limit) -> None:
    for path in (f"/api/chats/{ada.chat()}/messages", "/api/workflows"):
        status, _, message = refusal(ada.call("GET", path, limit=limit))
        assert (status, message.partition(":")[0]) == (400, "limit")


def test_anothers_cursor_is_none_of_anybodys_lists(server, ada) -> None:
    bob, chat = Person.new(server), ada.chat()
    steps = [{"id": "one", "say": "{{ input }}"}, {"id": "two", "say": "{{ input }}", "dependsOn": ["one"]}]
    workflow = make(ada, {"name": "Two", "steps": steps})
    run = ada.ask(chat, "x", workflowId=workflow).json()["workflowRunId"]
    for place, known in (("/api/chats/{}/messages", chat), ("/api/workflow-runs/{}", run)):
        cursor = ada.call("GET", place.format(known), limit=1).json()["nextCursor"]
        for named in (known, str(uuid.uuid4())):
            refused = bob.call("GET", place.format(named), cursor=cursor)
            assert refusal(refused) == (400, "Bad Request", "cursor: Not a cursor of this list.")


def test_a_cursor_is_good_for_its_own_list_only(server, ada) -> None:
    bob, chat, other = Person.new(server), ada.chat(), ada.chat()
    for each in (chat, other):
        ada.ask(each, script({"text": "x"}))
    for person in (ada, bob):
        for _ in range(2):
            make(person, GREET)
    read, listed = f"/api/chats/{chat}/messages", "/api/workflows"
    cursors = [ada.call("GET", path, limit=1).json()["nextCursor"] for path in (read, listed)]
    wrong = [
        (ada, f"/api/chats/{other}/messages", cursors[0]),
        (ada, read, cursors[1]),
        (ada, listed, cursors[0]),
        (bob, listed, cursors[1]),
        (bob, read, cursors[0]),
        *((ada, path, cursor) for path in (read, listed) for cursor in ("", "x", cursors[0][:-1], "é", "a" * 3000)),
    ]
    for person, path, cursor in wrong:
        assert refusal(person.call("GET", path, cursor=cursor)) == (
            400, "Bad Request", "cursor: Not a cursor of this list.",
        )  # fmt: skip


def test_workflows_of_any_number_and_size_are_listed_in_pages(start) -> None:
    server = start(changes=SHIPPED)
    person = Person.new(server)
    shipped = [each["id"] for each in person.call("GET", "/api/workflows").json()["workflows"]]
    assert len(shipped) > 2
    large = {"name": "Large", "steps": [{"id": f"s{number}", "say": "😀" * 4000} for number in range(4)]}
    own = [make(person, large) for _ in range(12)]
    pages, query = [], {}
    while not pages or query:
        response = person.call("GET", "/api/workflows", **query)
        assert len(response.content) < PAGE_BYTES
        page = response.json()
        pages.append([each["id"] for each in page["workflows"]])
        query = {"cursor": page["nextCursor"]} if "nextCursor" in page else {}
    assert len(pages) == 3, "12 of 192 kB, as they are stored, are more than one page has"
    assert [each for page in pages for each in page] == [*shipped, *own]
    singly, query = [], {"limit": 1}
    while query:
        page = person.call("GET", "/api/workflows", **query).json()
        singly += [each["id"] for each in page["workflows"]]
        query = {"limit": 1, "cursor": page["nextCursor"]} if "nextCursor" in page else {}
        if len(singly) == len(shipped) + 2:
            break
    assert singly == [*shipped, *own[:2]], "the list goes on from the shipped ones to the user's own"


def test_a_runs_steps_come_in_pages_of_bounded_bytes(ada) -> None:
    names = [f"s{number}" for number in range(20)]
    steps = [{"id": name, "say": "{{ input }}", "dependsOn": names[:at][-1:]} for at, name in enumerate(names)]
    workflow, chat = make(ada, {"name": "Rows", "steps": steps}), ada.chat()
    run = ada.ask(chat, "😀" * 15_000, workflowId=workflow).json()["workflowRunId"]
    listed, query, pages = [], {}, 0
    while not pages or query:
        response = ada.call("GET", f"/api/workflow-runs/{run}", **query)
        assert response.status_code == 200
        assert len(response.content) < PAGE_BYTES
        page = response.json()
        assert (page["id"], page["status"]) == (run, "complete")
        listed += [step["id"] for step in page["steps"]]
        query = {"cursor": page["nextCursor"]} if "nextCursor" in page else {}
        pages += 1
    assert (listed, pages) == (names, 4), "a smiley is stored as twelve bytes, and a page has five texts of 180 kB"
    other = ada.ask(chat, "x", workflowId=workflow).json()["workflowRunId"]
    cursor = ada.call("GET", f"/api/workflow-runs/{run}", limit=1).json()["nextCursor"]
    assert refusal(ada.call("GET", f"/api/workflow-runs/{other}", cursor=cursor))[0] == 400
    assert json.loads(ada.call("GET", f"/api/workflow-runs/{other}").text).keys().isdisjoint({"nextCursor"})
