"""Users, chats and every way in, at random: nobody ever reads, changes or deletes what is another's."""

import uuid
from dataclasses import dataclass, field

import requests
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test
from support.users import AUTH, COOKIE, Person, refusal

from app.testing.server import Server

NO_SESSION = (401, "Unauthorized", "Valid session required")
any_number = st.integers(0, 2**16)
WAYS = ["read", "ask", "stream", "claim", "delete", "list", "list another's"]


@dataclass
class Chat:
    """`said` is None once it is deleted."""

    id: str
    owner: Person
    said: list[str] | None = field(default_factory=list)


class Permissions(RuleBasedStateMachine):
    """Three users at a time. Who leaves is replaced by somebody new, and the chats stay."""

    server: Server
    refused = allowed = 0

    def __init__(self) -> None:
        super().__init__()
        self.people = [Person.new(self.server) for _ in range(3)]
        self.chats: list[Chat] = []
        self.serial = 0
        self.left = 1

    def teardown(self) -> None:
        for person in self.people:
            self.agree(person)
            person.http.close()

    @initialize()
    def each_begins_two(self) -> None:
        for user in range(6):
            self.begin(user=user)

    @rule(user=any_number)
    def begin(self, *, user: int) -> None:
        person = self.one(user)
        self.chats.append(Chat(person.chat(f"of {person.email}"), person))

    @rule(
        tries=st.lists(st.tuples(any_number, st.sampled_from(WAYS), st.booleans(), any_number), min_size=5, max_size=10)
    )
    def try_all(self, *, tries: list[tuple[int, str, bool, int]]) -> None:
        for user, way, own, which in tries:
            self.try_it(user, way, which, own=own)

    def try_it(self, user: int, way: str, which: int, *, own: bool) -> None:
        person, chat = self.one(user), self.pick(self.one(user), which, own=own)
        other = self.one(user + 1 + which % 2)
        self.serial += 1
        text = f"{person.email} says {self.serial}"
        response = self.attempt(person, other, way, chat.id, text)
        for somebody in {each.owner.email for each in self.chats if each.owner is not person}:
            assert somebody not in response.text
        expected = self.expected(person, way, chat)
        if expected:
            assert refusal(response)[0] == expected, (way, response.text)
            type(self).refused += 1
            return
        assert response.ok, response.text
        type(self).allowed += 1
        if way in ("ask", "stream") and chat.said is not None:
            chat.said += [text, "Hello"]
        if way == "delete":
            chat.said = None

    @precondition(lambda self: self.serial >= 30 * self.left)
    @rule(user=any_number, which=any_number)
    def leave(self, *, user: int, which: int) -> None:
        """The session ends, and whoever kept its cookie has nothing of it. Seldom: passwords are hashed slowly."""
        self.left += 1
        person, chat = self.one(user), self.chats[which % len(self.chats)]
        self.agree(person)
        token = person.http.cookies[COOKIE]
        assert person.call("POST", f"{AUTH}/sign-out").ok
        person.http.cookies.set(COOKIE, token)
        for way in WAYS:
            assert refusal(self.attempt(person, self.one(user + 1), way, chat.id, "hello")) == NO_SESSION
        person.http.close()
        self.people[user % 3] = Person.new(self.server)

    @rule(user=any_number)
    def look(self, *, user: int) -> None:
        self.agree(self.one(user))

    def attempt(self, person: Person, other: Person, way: str, chat: str, text: str) -> requests.Response:
        match way:
            case "read":
                return person.call("GET", f"/api/chats/{chat}/messages")
            case "ask":
                return person.ask(chat, text)
            case "stream":
                return person.call("POST", f"/api/chats/{chat}/messages/stream", person.message(text))
            case "claim":
                return person.ask(chat, text, userId=other.id)
            case "delete":
                return person.call("DELETE", f"/api/chats/{chat}")
        return person.call("GET", f"/api/users/{person.id if way == 'list' else other.id}/chats", limit=100)

    def expected(self, person: Person, way: str, chat: Chat) -> int | None:
        """The status of a refusal; None where it is allowed."""
        if way.startswith("list"):
            return 403 if way == "list another's" else None
        if chat.said is None:
            return 404
        return 403 if chat.owner is not person or way == "claim" else None

    def pick(self, person: Person, which: int, *, own: bool) -> Chat:
        """One that was made, deleted or not; where there is none of the sort, one that never was."""
        found = [each for each in self.chats if (each.owner is person) == own]
        return found[which % len(found)] if found else Chat(str(uuid.UUID(int=which)), person, None)

    def agree(self, person: Person) -> None:
        """They see their own chats, all of them, and all that was said in them."""
        listed = person.call("GET", f"/api/users/{person.id}/chats", limit=100).json()["chats"]
        own = {each.id: each.said for each in self.chats if each.owner is person and each.said is not None}
        assert {each["id"] for each in listed} == set(own)
        for chat, said in own.items():
            assert [message["content"] for message in person.messages(chat)] == said

    def one(self, user: int) -> Person:
        return self.people[user % 3]


def test_nobody_gets_at_what_is_anothers_whatever_they_try(server) -> None:
    Bound = type("Bound", (Permissions,), {"server": server})  # noqa: N806 - a class
    run_state_machine_as_test(
        Bound,
        settings=settings(
            max_examples=8,
            stateful_step_count=20,
            deadline=None,
            derandomize=True,
            database=None,
            phases=[Phase.generate],  # to shrink a failure would take minutes
            report_multiple_bugs=False,
            suppress_health_check=list(HealthCheck),
        ),
    )
    assert min(Bound.refused, Bound.allowed) > 30
