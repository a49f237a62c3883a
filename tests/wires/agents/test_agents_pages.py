"""Pages of what is read back over /api/v2: their order, their size, their cursors, and conversations of a time."""

import time
from collections.abc import Callable
from datetime import UTC, datetime
from itertools import permutations
from typing import Any

import pytest
from support.agents import Client, refused


@pytest.fixture(scope="module")
def client(server) -> Client:
    return Client.new(server)


@pytest.fixture
def fresh(server) -> Client:
    """With a key that owns nothing yet."""
    return Client.new(server)


def begin(client: Client, said: str = "x", **fields: Any) -> str:
    """A new conversation's id."""
    return str(client.ask(said, **fields)["metadata"]["conversationId"])


def walk(client: Client, path: str, limit: int, between: Callable[[], Any] = lambda: None) -> list[list[Any]]:
    """Page after page to the end."""
    pages, cursor = [], {}
    while True:
        found = client.get(path, limit=limit, **cursor)
        pages.append(found["data"])
        assert found["pagination"]["hasMore"] is (found["pagination"]["cursor"] is not None)
        if not found["pagination"]["hasMore"]:
            return pages
        assert len(found["data"]) == limit
        cursor = {"cursor": found["pagination"]["cursor"]}
        between()


def test_conversations_are_listed_by_their_beginning_and_a_users_by_last_activity(fresh) -> None:
    ids = [begin(fresh, userId=name) for name in ("ann", "bob", "ann", "ann", "bob")]
    began = [each["id"] for each in fresh.get("/conversations")["data"]]
    assert began == ids[::-1]
    fresh.ask("again", conversationId=ids[0])
    fresh.ask("again", conversationId=ids[2])
    assert [each["id"] for each in fresh.get("/conversations")["data"]] == began
    found = fresh.get("/users/ann/conversations")
    assert [each["id"] for each in found["data"]] == [ids[2], ids[0], ids[3]]
    assert found["pagination"] == {"cursor": None, "hasMore": False, "total": 3}
    assert fresh.get("/users/eve/conversations")["pagination"]["total"] == 0


@pytest.mark.parametrize("which", ["conversations", "users", "messages"])
def test_pages_are_stable_while_more_is_said_between_them(fresh, which) -> None:
    if which == "messages":
        conversation = begin(fresh, "1")
        path = f"/conversations/{conversation}/messages"

        def add() -> None:
            fresh.ask("later", conversationId=conversation)

        for number in range(2, 5):
            fresh.ask(str(number), conversationId=conversation)
        first = [message["id"] for message in fresh.messages(conversation)]
        expected = [first[5:], first[2:5], first[:2]]
    else:
        path = "/conversations" if which == "conversations" else "/users/ann/conversations"

        def add() -> None:
            begin(fresh, "later", userId="ann")

        first = [begin(fresh, userId="ann") for _ in range(8)][::-1]
        expected = [first[:3], first[3:6], first[6:]]
    assert [[each["id"] for each in page] for page in walk(fresh, path, 3, add)] == expected
    assert fresh.get(path)["pagination"]["total"] == 8 + 2 * (2 if which == "messages" else 1)


def test_a_page_that_is_exactly_full_is_the_last(fresh) -> None:
    conversation = begin(fresh)
    for path, count in (("/conversations", 1), (f"/conversations/{conversation}/messages", 2)):
        assert fresh.get(path, limit=count)["pagination"] == {"cursor": None, "hasMore": False, "total": count}


def test_a_cursor_is_good_for_its_own_list_only(fresh, client) -> None:
    for _ in range(2):
        conversation = begin(fresh, userId="ann")
    other = begin(fresh, userId="bob")
    theirs = begin(client, userId="ann")
    lists = ["/conversations", "/users/ann/conversations", f"/conversations/{conversation}/messages"]
    cursors = [fresh.get(path, limit=1)["pagination"]["cursor"] for path in lists]
    damaged = [cursors[0][:-1], cursors[0][1:], cursors[0].swapcase(), cursors[0] + "x", cursors[0].split(".")[-2]]
    damaged += ["", "x", ".", "bnVsbA.x", "é", "[]", "0", "a" * 3000]
    wrong = [
        *((fresh, path, cursor) for path in lists for cursor in damaged),
        *((fresh, lists[n], cursors[m]) for n, m in permutations(range(3), 2)),
        (fresh, "/users/bob/conversations", cursors[1]),
        (fresh, f"/conversations/{other}/messages", cursors[2]),
        (client, "/conversations", cursors[0]),
        (client, "/users/ann/conversations", cursors[1]),
        (client, f"/conversations/{theirs}/messages", cursors[2]),
    ]
    for caller, path, cursor in wrong:
        response = caller.call("GET", path, cursor=cursor)
        assert refused(response) == (400, "VALIDATION_INVALID_BODY"), (path, cursor)
        assert list(response.json()["error"]["details"]) == ["cursor"]


@pytest.mark.parametrize("path", ["/conversations", "/users/ann/conversations", "/conversations/{}/messages"])
def test_the_limit_is_from_1_to_100_and_20_else(fresh, path) -> None:
    conversation = begin(fresh, userId="ann")
    where = {"conversationId": conversation} if "messages" in path else {}
    for _ in range(10 if where else 21):
        fresh.ask("x", userId="ann", **where)
    path = path.format(conversation)
    assert len(fresh.get(path)["data"]) == 20
    assert [len(fresh.get(path, limit=limit)["data"]) for limit in (1, "2", 100)] == [1, 2, 22]
    for limit in ("0", "101", "-1", "x", "1.5", "", "1e1", "9" * 30, "null"):
        response = fresh.call("GET", path, limit=limit)
        assert refused(response) == (400, "VALIDATION_INVALID_BODY"), limit
        assert list(response.json()["error"]["details"]) == ["limit"]


def test_conversations_of_a_time(fresh) -> None:
    moments, ids = [datetime.now(UTC)], []
    for _ in range(3):
        ids.append(begin(fresh, userId="ann"))
        time.sleep(0.01)
        moments.append(datetime.now(UTC))
    a, b, c = ids
    first, second, third, last = (moment.isoformat() for moment in moments)
    for path in ("/conversations", "/users/ann/conversations"):
        for query, expected in (
            ({"startDate": second}, [c, b]),
            ({"endDate": third}, [b, a]),
            ({"startDate": second, "endDate": third}, [b]),
            ({"startDate": last}, []),
            ({"startDate": first, "endDate": last, "limit": 3}, [c, b, a]),
            ({"startDate": third, "endDate": second}, []),
            ({"startDate": second.replace("+00:00", "Z")}, [c, b]),
            ({"startDate": str(int(moments[0].timestamp()) - 1), "endDate": str(2**33)}, [c, b, a]),
            ({"startDate": "2020-01-01", "endDate": "2020-01-02"}, []),
            ({"startDate": "2020-01-01", "endDate": "9999-12-31"}, [c, b, a]),
        ):  # fmt: skip
            found = fresh.get(path, **query)
            assert [each["id"] for each in found["data"]] == expected, query
            assert found["pagination"]["total"] == len(expected)
    page = fresh.get("/conversations", startDate=second, limit=1)
    rest = fresh.get("/conversations", startDate=second, cursor=page["pagination"]["cursor"])
    assert [page["data"][0]["id"], *(each["id"] for each in rest["data"])] == [c, b]


@pytest.mark.parametrize("name", ["startDate", "endDate"])
@pytest.mark.parametrize("value", ["", "yesterday", "2026-13-01", "-1", "1.5", "9" * 20])
def test_a_time_that_is_none_is_400(client, name, value) -> None:
    response = client.call("GET", "/conversations", **{name: value})
    assert refused(response) == (400, "VALIDATION_INVALID_BODY")
    assert list(response.json()["error"]["details"]) == [name]
