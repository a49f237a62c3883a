"""Conversations at random, against a plain model of the rules of their histories."""

import uuid
from dataclasses import dataclass, field, replace
from typing import Any

import requests
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test
from support.agents import Client, assistant, finished, refused, spoken, text, user

from app.testing.server import new_session_id, script

CONVERSATIONS = 75
# What the model does with a question -> what is stored of its answer, and the status of the answer to the caller.
ANSWERS = {
    "answers": ([{"text": "Well, "}, {"text": "yes"}], "Well, yes", 200),
    "says nothing": ([], "", 502),
    "fails": ([{"text": "Well, "}, {"fail": "crash"}], "Well, ", 200),
    "refuses": ([{"refuse": "overloaded"}], "", 503),
}
NOT_ONGOING, UNKNOWN = (400, "CHAT_CONVERSATION_NOT_ONGOING"), (404, "CHAT_RETRY_MESSAGE_NOT_FOUND")

any_number = st.integers(0, 2**16)
answers = st.sampled_from(["answers"] * 5 + [name for name in ANSWERS if name != "answers"])


@dataclass
class Message:
    """`id` is None until the server has told it; `name` is the page's own. A question says what the model `does`."""

    role: str
    said: str
    id: str | None = None
    feedback: str | None = None
    name: str | None = None
    does: str = ""

    def called(self) -> str:
        """By a page; one that has loaded its history knows the server's names."""
        return self.name or str(self.id)


@dataclass
class Talk:
    """A conversation as the rules have it. `chat` is the page's name for it."""

    id: str
    chat: str
    paused: bool = False
    shown: list[Message] = field(default_factory=list)
    hidden: list[Message] = field(default_factory=list)

    def cut(self, position: int) -> None:
        self.hidden += self.shown[position:]
        del self.shown[position:]

    def question_of(self, position: int) -> int:
        """Where the question stands that the message at `position` answers, or is."""
        return max(n for n in range(position + 1) if self.shown[n].role == "user")


class HistoryStore(RuleBasedStateMachine):
    client: Client
    begun = 0

    def __init__(self) -> None:
        super().__init__()
        self.end_user = new_session_id()
        self.talks: list[Talk] = []  # by last activity
        self.serial = 0

    def teardown(self) -> None:
        for talk in self.talks:
            self.agree(talk)
        self.list_all(limit=2)

    @initialize(first=answers, second=answers)
    def begin_two(self, *, first: str, second: str) -> None:
        self.begin(by_page=True, does=first)
        self.begin(by_page=False, does=second)

    @rule(by_page=st.booleans(), does=answers)
    def begin(self, *, by_page: bool, does: str) -> None:
        question, name, chat = self.question(does), new_session_id() if by_page else None, new_session_id()
        if name:
            response = self.client.page(chat, user(name, question), userId=self.end_user)
        else:
            response = self.client.chat({"message": question, "userId": self.end_user})
        (found,) = self.client.get(f"/users/{self.end_user}/conversations", limit=1)["data"]
        assert found["id"] not in [talk.id for talk in self.talks]
        self.talks.append(Talk(found["id"], chat if by_page else found["id"]))
        type(self).begun += 1
        self.answered(self.talks[-1], response, Message("user", question, name=name, does=does))

    @rule(which=any_number, by_page=st.booleans(), does=answers)
    def go_on(self, *, which: int, by_page: bool, does: str) -> None:
        talk, question, name = self.one(which), self.question(does), new_session_id() if by_page else None
        if name:
            response = self.client.page(talk.chat, user(name, question))
        else:
            response = self.client.chat({"message": question, "conversationId": talk.id})
        if self.went(talk, response):
            self.answered(talk, response, Message("user", question, name=name, does=does))

    @rule(which=any_number, message=any_number)
    def retry(self, *, which: int, message: int) -> None:
        talk = self.one(which)
        known = [*talk.shown, *talk.hidden]
        chosen = known[message % len(known)]
        path = f"/conversations/{talk.id}/retry"
        response = self.client.call("POST", path, {"messageId": chosen.id})
        can = chosen in talk.shown and chosen.role == "assistant"
        if not can and not talk.paused:
            assert refused(response) == UNKNOWN
            self.agree(talk)
        elif self.went(talk, response):
            talk.cut(talk.question_of(talk.shown.index(chosen)) + 1)
            self.answered(talk, response)

    @rule(which=any_number, message=any_number, form=st.sampled_from(["named", "also posted", "only posted", "lost"]))
    def regenerate(self, *, which: int, message: int, form: str) -> None:
        talk = self.one(which)
        position = message % len(talk.shown)
        chosen, question = talk.shown[position], talk.question_of(position)
        posted = user(talk.shown[question].called(), "whatever the page has")
        if form in ("also posted", "only posted") and chosen.role == "assistant":
            posted = assistant(str(chosen.id), text("whatever"))
        named = {"named": chosen.called(), "also posted": chosen.called(), "lost": new_session_id()}.get(form)
        response = self.client.page(talk.chat, posted, trigger="regenerate-message", messageId=named)
        if self.went(talk, response):
            talk.cut(question + 1)
            self.answered(talk, response)

    @rule(which=any_number, message=any_number, named=st.booleans(), does=answers)
    def edit_or_send_again(self, *, which: int, message: int, named: bool, does: str) -> None:
        talk, question = self.one(which), self.question(does)
        position = talk.question_of(message % len(talk.shown))
        name = talk.shown[position].called()
        response = self.client.page(talk.chat, user(name, question), messageId=name if named else None)
        if self.went(talk, response):
            talk.cut(position)
            self.answered(talk, response, Message("user", question, name=name, does=does))

    @rule(which=any_number, paused=st.booleans())
    def pause(self, *, which: int, paused: bool) -> None:
        talk = self.one(which)
        assert self.client.pause(talk.id, paused=paused).status_code == 200
        talk.paused = paused
        self.agree(talk)

    @rule(which=any_number, message=any_number, feedback=st.sampled_from(["positive", "negative", None]))
    def rate(self, *, which: int, message: int, feedback: str | None) -> None:
        talk = self.one(which)
        known = [*talk.shown, *talk.hidden]
        chosen = known[message % len(known)]
        status = self.client.rate(talk.id, str(chosen.id), feedback).status_code
        if chosen not in talk.shown:
            assert status == 404
        elif chosen.role == "user":
            assert status == 422
        else:
            assert status == 200
            chosen.feedback = feedback
        self.agree(talk)

    @rule(limit=st.integers(1, 5))
    def list_all(self, *, limit: int) -> None:
        listed: list[str] = []
        cursor: dict[str, Any] = {}
        while len(listed) <= len(self.talks):
            page = self.client.get(f"/users/{self.end_user}/conversations", limit=limit, **cursor)
            assert page["pagination"]["total"] == len(self.talks)
            listed += [each["id"] for each in page["data"]]
            cursor = {"cursor": page["pagination"]["cursor"]}
            if not page["pagination"]["hasMore"]:
                break
        assert listed == [talk.id for talk in reversed(self.talks)]

    def one(self, which: int) -> Talk:
        return self.talks[which % len(self.talks)]

    def question(self, does: str) -> str:
        """A question that no other is like, and to which the model reacts so."""
        self.serial += 1
        return script(*ANSWERS[does][0], {"pause": self.serial / 1_000_000})

    def went(self, talk: Talk, response: requests.Response) -> bool:
        if talk.paused:
            assert refused(response) == NOT_ONGOING
            self.agree(talk)
        return not talk.paused

    def answered(self, talk: Talk, response: requests.Response, new: Message | None = None) -> None:
        """The new message is the question; without one it is the last message shown."""
        talk.shown += [new] if new else []
        question = talk.shown[-1]
        _, said, status = ANSWERS[question.does]
        assert response.status_code == status, response.text
        answer = Message("assistant", said)
        talk.shown.append(answer)
        self.talks.sort(key=lambda each: each is talk)  # by last activity
        if question.does == "answers":
            told = finished(response)
            assert told["conversationId"] == talk.id
            assert told["userId"] == self.end_user
            assert question.id in (None, told["userMessageId"])
            question.id, answer.id = told["userMessageId"], told["messageId"]
        last = self.agree(talk)[-1]
        seen = len(talk.shown) - 1  # answers without a word have a place, too
        assert last["prompt_tokens"] == (seen if question.does == "answers" else 0)

    def agree(self, talk: Talk) -> list[dict[str, Any]]:
        """The server shows and hides what the model of it does; returns the rows of the messages."""
        found = self.client.get(f"/conversations/{talk.id}", limit=100)["data"]
        assert found["status"] == ("paused" if talk.paused else "ongoing")
        messages = found["messages"]
        assert len(messages) == len(talk.shown)
        for message, seen in zip(talk.shown, messages, strict=True):
            message.id = message.id or seen["id"]
            stands = (seen["role"], spoken(seen), seen["id"], seen.get("feedback"))
            assert stands == (message.role, message.said, message.id, message.feedback)
        rows = self.client.server.messages(uuid.UUID(talk.id).hex)
        status = {f"msg_{row['id']}": row["status"] for row in rows}
        assert [each for each in status if status[each] != "superseded"] == [message.id for message in talk.shown]
        assert {each for each in status if status[each] == "superseded"} == {message.id for message in talk.hidden}
        return rows


def test_conversations_agree_with_a_plain_model_of_the_rules(server) -> None:
    with requests.Session() as http:

        class Bound(HistoryStore):
            client = replace(Client.new(server), http=http)

        run_state_machine_as_test(
            Bound,
            settings=settings(
                max_examples=30,
                stateful_step_count=14,
                deadline=None,
                derandomize=True,
                database=None,
                phases=[Phase.generate],  # to shrink a failure would take minutes
                report_multiple_bugs=False,
                suppress_health_check=list(HealthCheck),
            ),
        )
    assert Bound.begun >= CONVERSATIONS
