"""Thumbs up and down: rated within a session, by whoever holds its key or is its visitor, and by nobody else."""

import json
from typing import Any

import pytest
import requests
from support.visitors import chat, history, id_of, signed

from app.testing.server import new_session_id

NOT_FOUND = (404, {"error": "Not found"})


def rate(server, key, body: Any, token: str | None = None, **headers: str) -> requests.Response:
    sent = {"x-api-key": key, "Content-Type": "application/json", **({"x-visitor": token} if token else {}), **headers}
    data = body if isinstance(body, bytes) else json.dumps(body)
    return requests.post(f"{server.url}/v1/chat/feedback", data=data, headers=sent, timeout=30)


def told(response: requests.Response) -> tuple[int, Any]:
    return response.status_code, response.json()


@pytest.fixture
def session() -> str:
    return new_session_id()


@pytest.fixture
def answer(server, widget_key, session) -> str:
    """The id of an answer in the session."""
    return str(chat(server, widget_key, None, "hello", session).json()["messageId"])


def stored(server, answer: str) -> str | None:
    ((feedback,),) = server.rows("SELECT feedback FROM messages WHERE id = ?", answer)
    return None if feedback is None else str(feedback)


def test_the_last_rating_of_an_answer_counts_and_may_be_sent_again(server, widget_key, session, answer) -> None:
    assert stored(server, answer) is None
    for rating, kept in (("up", "positive"), ("up", "positive"), ("down", "negative"), (None, None), (None, None)):
        body = {"sessionId": session, "messageId": answer, "rating": rating}
        assert told(rate(server, widget_key, body)) == (200, {"messageId": answer, "rating": rating})
        assert stored(server, answer) == kept


def test_a_stream_names_the_answer_that_is_rated(server, widget_key, session) -> None:
    for path in ("/chat", "/v1/chat/stream"):
        body, headers = {"sessionId": session, "message": "hello"}, {"x-api-key": widget_key}
        lines = requests.post(f"{server.url}{path}", json=body, headers=headers, timeout=30).text.splitlines()
        answer = json.loads(lines[-1])["messageId"]
        rated = rate(server, widget_key, {"sessionId": session, "messageId": answer, "rating": "down"})
        assert (rated.status_code, stored(server, answer)) == (200, "negative")


def test_an_answer_of_another_session_or_key_and_what_is_none_is_not_found(server, widget_key, session, answer) -> None:
    own = {"sessionId": session, "messageId": answer, "rating": "up"}
    ((question,),) = server.rows(
        "SELECT id FROM messages WHERE role = 'user' AND conversation_id = "
        "(SELECT conversation_id FROM messages WHERE id = ?)", answer
    )  # fmt: skip
    elsewhere = new_session_id()
    chat(server, widget_key, None, "hello", elsewhere)
    for wrong in (
        {"sessionId": elsewhere},
        {"sessionId": new_session_id()},
        {"messageId": "0" * 32},
        {"messageId": question},
    ):
        assert told(rate(server, widget_key, {**own, **wrong})) == NOT_FOUND
    assert told(rate(server, server.key("widget"), own)) == NOT_FOUND
    assert stored(server, answer) is None


def test_a_visitors_answer_is_rated_by_that_visitor_alone(server, widget_key, session) -> None:
    secret = server.flask("keys", "visitor-secret", id_of(server, widget_key)).stdout.strip()
    ada, bob = signed(secret, "ada"), signed(secret, "bob")
    answer = chat(server, widget_key, ada, "hello", session).json()["messageId"]
    body = {"sessionId": session, "messageId": answer, "rating": "down"}
    for token in (None, bob):
        assert told(rate(server, widget_key, body, token)) == NOT_FOUND
    assert told(rate(server, widget_key, body, f"{ada}x")) == (401, {"error": "Unauthorized"})
    assert "rating" not in history(server, widget_key, ada).json()["messages"][1]
    assert rate(server, widget_key, body, ada).status_code == 200
    asked, answered = history(server, widget_key, ada).json()["messages"]
    assert (answered["messageId"], answered["rating"]) == (answer, "down")
    assert not {"messageId", "rating"} & asked.keys()


@pytest.mark.parametrize("spoil", [
    lambda body: {**body, "rating": "good"}, lambda body: {**body, "rating": 1},
    lambda body: {**body, "rating": ["up"]},
    lambda body: {"sessionId": body["sessionId"], "messageId": body["messageId"]},
    lambda body: {**body, "messageId": f"msg_{body['messageId']}"}, lambda body: {**body, "messageId": None},
    lambda body: {**body, "sessionId": "a b"}, lambda body: {**body, "comment": "nice"}, lambda _: [], lambda _: b"{",
])  # fmt: skip
def test_what_is_no_rating_is_400_in_fixed_words(server, widget_key, session, answer, spoil) -> None:
    body = spoil({"sessionId": session, "messageId": answer, "rating": "up"})
    assert told(rate(server, widget_key, body)) == (400, {"error": "Invalid request payload"})
    assert stored(server, answer) is None


def test_the_limit_comes_first_then_the_key_then_the_body(start) -> None:
    server = start(changes={'widget = "100000/minute"': 'widget = "2/minute"'})
    key = server.key("widget")
    good = {"sessionId": "a", "messageId": "0" * 32, "rating": "up"}
    assert told(rate(server, "wk_wrong", b"{")) == (401, {"error": "Unauthorized"})
    assert told(rate(server, key, b"{"))[0] == 400
    assert told(rate(server, key, good)) == NOT_FOUND
    limited = rate(server, key, b"{")
    assert told(limited) == (429, {"error": "Too many requests"})
    assert int(limited.headers["Retry-After"]) > 0


def test_a_page_of_the_keys_origin_may_rate_and_no_other(server, session) -> None:
    origin = "https://shop.example"
    key = server.key("widget", "open", "--origin", origin)
    answer = chat(server, key, None, "hello", session).json()["messageId"]
    asks = {"Origin": origin, "Access-Control-Request-Method": "POST"}
    asked = {**asks, "Access-Control-Request-Headers": "content-type,x-api-key,x-visitor"}
    preflight = requests.options(f"{server.url}/v1/chat/feedback", headers=asked, timeout=30)
    assert (preflight.status_code, preflight.headers["Access-Control-Allow-Origin"]) == (204, origin)
    assert {"content-type", "x-api-key", "x-visitor"} <= {
        each.strip() for each in preflight.headers["Access-Control-Allow-Headers"].lower().split(",")
    }
    body = {"sessionId": session, "messageId": answer, "rating": "up"}
    rated = rate(server, key, body, Origin=origin)
    assert (rated.status_code, rated.headers["Access-Control-Allow-Origin"]) == (200, origin)
    assert rate(server, key, body, Origin="https://evil.example").status_code == 403
