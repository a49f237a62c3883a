"""What a request to /api/v2 does to a conversation: continued, answered again, edited, answered by one at a time."""

import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from support.agents import Client, answered, assistant, chunks, finished, refused, text, user

from app.testing.server import eventually, new_session_id, script
from app.testing.sockets import read_all, read_until

NOBODY = "5b0e6f0a-3c1d-4e7b-9a52-0d8c6f4b1e77"
NEW = "new"  # stands for an answer that was not there before
# What is named by messageId, which message is the last one posted -> the history after it.
REGENERATED = {
    "nothing": (None, "q2", ["q1", "a1", "q2", NEW]),
    "the last answer": ("a2", "q2", ["q1", "a1", "q2", NEW]),
    "the last question": ("q2", "q2", ["q1", "a1", "q2", NEW]),
    "an answer, which is posted too": ("a2", "a2", ["q1", "a1", "q2", NEW]),
    "only an answer that is posted": (None, "a2", ["q1", "a1", "q2", NEW]),
    "the first answer": ("a1", "q1", ["q1", NEW]),
    "the first question": ("q1", "q1", ["q1", NEW]),
    "the first answer, with everything posted": ("a1", "a2", ["q1", NEW]),
    "an answer that never arrived": ("gone", "q2", ["q1", "a1", "q2", NEW]),
    "a question that never arrived": (None, "q3", ["q1", "a1", "q2", "a2", "q3", NEW]),
    "nothing that is known": ("gone", "q3", ["q1", "a1", "q2", "a2", "q3", NEW]),
}
SUBMITTED = {
    "a new message": (None, "q3", ["q1", "a1", "q2", "a2", "q3", NEW]),
    "the last message, edited": ("q2", "q2", ["q1", "a1", "q2", NEW]),
    "the first message, edited": ("q1", "q1", ["q1", NEW]),
    "the last message, sent again": (None, "q2", ["q1", "a1", "q2", NEW]),
    "the first message, sent again": (None, "q1", ["q1", NEW]),
    "a message in the place of another": ("q2", "q3", ["q1", "a1", "q3", NEW]),
    "a message in the place of none": ("gone", "q3", ["q1", "a1", "q2", "a2", "q3", NEW]),
}


@pytest.fixture(scope="module")
def client(server) -> Client:
    return Client.new(server)


class Chat:
    """A page's chat of two questions and their answers. `ids` are the page's names for messages -> the store's."""

    def __init__(self, client: Client) -> None:
        self.client, self.name = client, new_session_id()
        self.ids: dict[str, str] = {}
        for number in "12":
            said = finished(client.page(self.name, user(f"q{number}", f"question {number}")))
            self.ids |= {f"q{number}": said["userMessageId"], f"a{number}": said["messageId"]}
        self.conversation: str = said["conversationId"]

    def post(self, trigger: str, named: str | None, last: str) -> dict[str, Any]:
        """What `finish` says. The page calls questions by its own names, and answers as it was told."""
        message = assistant(self.ids[last], text("x")) if last[0] == "a" else user(last, f"{last} {trigger}")
        fields = {"messageId": self.ids.get(named, named) if named[0] == "a" else named} if named else {}
        return finished(self.client.page(self.name, message, trigger=trigger, **fields))

    def history(self) -> list[str]:
        """The page's names of the messages; for what it does not know, the store's."""
        names = {stored: name for name, stored in self.ids.items()}
        return [names.get(each["id"], each["id"]) for each in self.client.messages(self.conversation)]


def stored(client: Client, conversation: str) -> list[dict[str, Any]]:
    """All that the store has of a conversation, superseded messages too."""
    return client.server.messages(uuid.UUID(conversation).hex)


def test_a_conversation_goes_on_by_its_id_and_the_model_sees_it(client) -> None:
    first = client.ask("one")["metadata"]
    second = client.ask("two", conversationId=first["conversationId"])["metadata"]
    third = finished(client.chat({"message": "three", "conversationId": first["conversationId"].upper()}))
    assert {each["conversationId"] for each in (first, second, third)} == {first["conversationId"]}
    assert client.said(first["conversationId"]) == [
        each for said in ("one", "two", "three") for each in (("user", said), ("assistant", "Hello"))
    ]
    assert [row["prompt_tokens"] for row in stored(client, first["conversationId"])[1::2]] == [1, 3, 5]


@pytest.mark.parametrize("conversation", [NOBODY, "x", "0" * 31, "urn:uuid:", "-" * 36])
def test_what_is_no_conversation_is_not_begun(client, conversation) -> None:
    for body in {"message": "x"}, {"messages": [user("m1", "x")]}:
        response = client.chat({**body, "conversationId": conversation})
        assert refused(response) == (404, "RESOURCE_NOT_FOUND")


def test_whom_a_conversation_is_with_is_said_once(client) -> None:
    ann, bob = new_session_id(), new_session_id()
    for first, name in ((client.ask("x", userId=ann)["metadata"], ann), (client.ask("x")["metadata"], None)):
        place = {"conversationId": first["conversationId"]}
        answers = [client.ask("y", **place, userId=bob), client.ask("y", **place)]
        assert [first["userId"], *(each["metadata"]["userId"] for each in answers)] == [name] * 3
        assert client.get(f"/conversations/{first['conversationId']}")["data"]["userId"] == name
    chat = new_session_id()
    said = [finished(client.page(chat, user(f"m{n}", "x"), userId=who)) for n, who in enumerate((ann, bob))]
    assert [each["userId"] for each in said] == [ann, ann]
    assert client.get(f"/users/{bob}/conversations")["data"] == []
    assert client.get(f"/users/{ann}/conversations")["pagination"]["total"] == 2


def test_a_retry_answers_the_same_question_again_and_hides_the_rest(client) -> None:
    first = client.ask("one")
    conversation = first["metadata"]["conversationId"]
    second = client.ask("two", conversationId=conversation)
    again = answered(client.retry(conversation, second["id"]))
    assert again["metadata"] == second["metadata"], "on the same question"
    ids = [first["metadata"]["userMessageId"], first["id"], second["metadata"]["userMessageId"]]
    assert [each["id"] for each in client.messages(conversation)] == [*ids, again["id"]]
    assert again["id"] not in (first["id"], second["id"])
    response = client.call("POST", f"/conversations/{conversation}/retry", {"messageId": first["id"]})
    assert chunks(response)[0]["messageId"] == finished(response)["messageId"]
    assert [each["id"] for each in client.messages(conversation)] == [ids[0], finished(response)["messageId"]]
    rows = stored(client, conversation)
    assert [row["text"] for row in rows] == ["one", "Hello", "two", "Hello", "Hello", "Hello"]
    assert [row["status"] for row in rows] == ["complete", *["superseded"] * 4, "complete"]
    assert [row["prompt_tokens"] for row in rows if row["role"] == "assistant"] == [1, 3, 3, 1]


def test_only_an_answer_that_is_shown_can_be_tried_again(client) -> None:
    old = client.ask("one")
    conversation = old["metadata"]["conversationId"]
    answer = answered(client.retry(conversation, old["id"]))
    elsewhere = client.ask("two")
    for message in (old["id"], answer["metadata"]["userMessageId"], elsewhere["id"], "msg_" + "0" * 32, "x"):
        assert refused(client.retry(conversation, message)) == (404, "CHAT_RETRY_MESSAGE_NOT_FOUND"), message
    assert [each["id"] for each in client.messages(conversation)] == [old["metadata"]["userMessageId"], answer["id"]]


def test_one_conversation_has_one_answer_at_a_time(client) -> None:
    chat, answer = new_session_id(), client.ask("x")
    conversation = answer["metadata"]["conversationId"]
    question = user("m1", script({"text": "one"}, {"pause": 2}, {"text": "two"}))
    with client.open(question, id=chat) as connection:
        read_until(connection, b'"one"')
        assert refused(client.page(chat, user("m2", "y"))) == (409, "CHAT_CONVERSATION_BUSY")
        assert refused(client.page(chat, user("m1", "y"), trigger="regenerate-message"))[0] == 409
        assert b"[DONE]" in read_until(connection, b"[DONE]")
    assert finished(client.page(chat, user("m2", "y")))
    with client.open(script({"text": "one"}, {"pause": 60}), conversationId=conversation) as connection:
        read_until(connection, b'"one"')
        for response in (
            client.chat({"message": "y", "conversationId": conversation}),
            client.chat({"message": "y", "conversationId": conversation, "stream": False}),
            client.retry(conversation, answer["id"]),
        ):
            assert refused(response) == (409, "CHAT_CONVERSATION_BUSY")
    eventually(lambda: len(client.messages(conversation)) == 4)
    assert client.ask("y", conversationId=conversation)


def test_of_many_who_begin_a_chat_at_once_one_is_answered(client) -> None:
    chat, question = new_session_id(), script({"pause": 1.5}, {"text": "x"})
    with ThreadPoolExecutor(10) as pool:
        responses = list(pool.map(lambda n: client.page(chat, user(f"m{n}", question)), range(10)))
    assert sorted(response.status_code for response in responses) == [200] + [409] * 9
    said = finished(next(response for response in responses if response.status_code == 200))
    assert [each["id"] for each in client.messages(said["conversationId"])] == [
        said["userMessageId"],
        said["messageId"],
    ]


def test_a_pages_name_for_a_chat_is_its_keys_own(server, client) -> None:
    chat, other = new_session_id(), Client.new(server)
    one, two = (finished(client.page(chat, user(f"m{n}", "x")))["conversationId"] for n in range(2))
    single = finished(client.chat({"id": chat, "message": user("m2", "x")}))["conversationId"]
    by_its_id = finished(client.page(one, user("m3", "x")))["conversationId"]
    assert {one, two, single, by_its_id} == {one}
    assert len(client.messages(one)) == 8
    theirs = finished(other.page(chat, user("m1", "y")))["conversationId"]
    assert finished(other.page(one, user("m1", "y")))["conversationId"] not in (one, theirs), "a name of their own"
    nameless = [finished(client.chat({"messages": [user("m1", "x")]}))["conversationId"] for _ in range(2)]
    assert len({one, theirs, *nameless}) == 4


@pytest.mark.parametrize(
    ("trigger", "name"),
    [*(("regenerate-message", name) for name in REGENERATED), *(("submit-message", name) for name in SUBMITTED)],
)
def test_what_a_page_asks_again_makes_room_for_it(client, trigger, name) -> None:
    named, last, expected = {"regenerate-message": REGENERATED, "submit-message": SUBMITTED}[trigger][name]
    chat = Chat(client)
    before = dict(chat.ids)
    said = chat.post(trigger, named, last)
    chat.ids |= {NEW: said["messageId"], expected[-2]: said["userMessageId"]}
    assert chat.history() == expected
    assert said["messageId"] not in before.values()
    rows = {f"msg_{row['id']}": row for row in stored(client, chat.conversation)}
    assert set(rows) == {*before.values(), *chat.ids.values()}, "nothing is lost, nothing is there twice"
    assert [key for key, row in rows.items() if row["status"] != "superseded"] == [chat.ids[each] for each in expected]
    assert rows[said["messageId"]]["prompt_tokens"] == len(expected) - 1, "what the model sees is what is shown"
    same = trigger == "regenerate-message" and expected[-2] in before
    assert (said["userMessageId"] in before.values()) == same, "answered again, or a new message"
    asked = f"question {expected[-2][1]}" if same else f"{last} {trigger}"
    assert client.said(chat.conversation)[-2:] == [("user", asked), ("assistant", "Hello")]


def test_a_chat_may_begin_with_another_try(client) -> None:
    chat = new_session_id()
    said = finished(client.page(chat, user("q1", "x"), trigger="regenerate-message"))
    assert client.said(said["conversationId"]) == [("user", "x"), ("assistant", "Hello")]
    lost = client.page(new_session_id(), assistant("msg_1", text("x")), trigger="regenerate-message")
    assert refused(lost) == (404, "CHAT_RETRY_MESSAGE_NOT_FOUND")


def test_what_was_said_until_the_page_stopped_is_kept(client) -> None:
    chat = new_session_id()
    question = script({"text": "so far"}, {"pause": 60})
    with client.open(user("q1", question), id=chat) as connection:
        read_until(connection, b'"so far"')
    eventually(lambda: client.page(chat, user("q2", "y")).status_code == 200)
    (conversation,) = client.get("/conversations", limit=1)["data"]
    assert client.said(conversation["id"]) == [
        ("user", question),
        ("assistant", "so far"),
        ("user", "y"),
        ("assistant", "Hello"),
    ]


def test_what_is_erased_in_mid_answer_stays_erased(server, client) -> None:
    ann = new_session_id()
    with client.open(script({"text": "one"}, {"pause": 3}, {"text": "two"}), userId=ann) as connection:
        read_until(connection, b'"one"')
        (conversation,) = client.get(f"/users/{ann}/conversations")["data"]
        assert server.flask("conversations", "erase", "--user", ann).stdout == "1\n"
        rest = read_all(connection)
    assert b'"two"' not in rest
    assert b"The answer was stopped" in rest
    assert refused(client.call("GET", f"/conversations/{conversation['id']}")) == (404, "RESOURCE_NOT_FOUND")
    assert stored(client, conversation["id"]) == []
    assert client.get(f"/users/{ann}/conversations")["data"] == []
