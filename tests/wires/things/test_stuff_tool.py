"""What a user has noted down, looked up by an agent: one's own things, nobody else's, and what is asked for."""

from typing import Any

import pytest
import requests
from support.fakes import REF, TAKER, FakeConversations, play
from support.users import JSON, Person

from app.engine.agent import Agent, ToolContext
from app.engine.engine import Engine
from app.engine.events import ToolCalled, ToolReturned
from app.engine.messages import text_message
from app.engine.question import Question
from app.engine.running_turns import RunningTurns
from app.engine.turn import Turn
from app.knowledge.search import KnowledgeSearch
from app.providers.circuit_breaker import CircuitBreaker
from app.providers.fallback import Candidate, Fallback
from app.providers.local.builtin.model import BuiltinModel
from app.store.database import Database
from app.store.schema import upgrade
from app.store.things import ThingStore
from app.store.users import UserStore
from app.tools import make_tools
from app.tools.builtin.stuff import MOST_CHARACTERS, MOST_THINGS
from app.tools.toolbox import ToolRunner

AGENT = Agent("demo", "Demo", ("builtin",), tools=("stuff",))


@pytest.fixture(scope="module")
def database(tmp_path_factory) -> Database:
    made = Database(f"sqlite:///{tmp_path_factory.mktemp('stuff') / 'parlance.db'}")
    upgrade(made)
    return made


@pytest.fixture(scope="module")
def toolbox(database) -> ToolRunner:
    return ToolRunner(make_tools(KnowledgeSearch().search, ThingStore(database).all, {}))


@pytest.fixture
def user(database, request) -> str:
    """The id of somebody new."""
    return UserStore(database).create(f"{abs(hash(request.node.name))}@example.com", "correct horse", "").id


@pytest.fixture
def note(database, user):
    """Add a thing."""
    return lambda name, content="": ThingStore(database).add(user, name, content)


@pytest.fixture
def look_up(toolbox, user):
    """What the tool returns to the user's agent."""

    def call(user_id: str | None = user, **args: Any) -> ToolReturned:
        calls = [ToolCalled("call_1", "stuff", args)]
        ((returned,),) = [batch for batch in toolbox.run(ToolContext(AGENT, user_id), calls, 5) if batch]
        return returned

    return call


@pytest.fixture
def ask(toolbox, user):
    """What the embedded model answers; the tools that it asked."""

    def put(question: str, user_id: str | None = user, agent: Agent = AGENT) -> tuple[str, list[str]]:
        models = {agent.models: Fallback([Candidate(BuiltinModel({"pace": 0}), CircuitBreaker("builtin", 5, 30))], 0)}
        engine = Engine(
            models, {"builtin": 1}, toolbox, KnowledgeSearch(), FakeConversations([]), RunningTurns(1, 99, 99), 5, 2**20
        )
        turn = Turn(
            engine, Question(agent, REF, [text_message("user", question)], "request-1", None, TAKER, user_id=user_id)
        )
        called = [event.name for event in play(turn) if isinstance(event, ToolCalled)]
        return turn.generation.transcript.message().text, called

    return put


def names(returned: ToolReturned) -> list[str]:
    assert not returned.is_error, returned.result
    return [thing["name"] for thing in returned.result["things"]]


def test_without_a_query_all_is_told_oldest_first(note, look_up) -> None:
    assert names(look_up()) == []
    note("account number", "4711")
    note("birthday", "10 December 1815")
    assert look_up().result == {
        "things": [
            {"name": "account number", "content": "4711"},
            {"name": "birthday", "content": "10 December 1815"},
        ]
    }


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("What is my account number?", ["account number", "Bank"]),
        ("NUMBER", ["account number"]),
        ("account", ["account number", "Bank"]),
        ("when is my birthday", ["Birthday"]),
        ("birth", []),
        ("scar", []),
        ("what about my car?", ["car"]),
        ("what is my horse called?", []),
        ("what is my?", ["account number", "Bank", "Birthday", "car"]),
        ("", ["account number", "Bank", "Birthday", "car"]),
        ("größe .* ( %", []),
    ],
)
def test_the_words_that_matter_select_and_more_of_them_come_first(note, look_up, query, found) -> None:
    for name, content in (("Bank", "the account is with Coutts; what is it"), ("account number", "4711")):
        note(name, content)
    note("Birthday", "is my day")
    note("car", "a Scarab")
    assert sorted(names(look_up(query=query))) == sorted(found)
    if len(found) == 2:
        assert names(look_up(query=query))[0] == ("account number" if "number" in query else "Bank")


def test_nobody_sees_anothers_things(database, note, look_up) -> None:
    note("secret", "of one")
    other = UserStore(database).create("other@example.com", "correct horse", "").id
    assert names(look_up(other, query="secret")) == []
    assert names(look_up("no-such-user")) == []
    returned = look_up(None)
    assert (returned.is_error, returned.result) == (True, "Nobody is signed in.")


def test_a_tools_arguments_do_not_say_whose_things_are_looked_up(user, note, look_up) -> None:
    note("secret")
    returned = look_up("somebody", user_id_=user)
    assert returned.is_error
    assert returned.result.startswith("The arguments are wrong: ")


@pytest.mark.parametrize("query", ["x" * 201, None, 5, ["a"]])
def test_a_query_that_is_none_is_a_failed_result(look_up, query) -> None:
    assert look_up(query=query).result.startswith("The arguments are wrong: ")


def test_what_is_told_is_bounded(note, look_up) -> None:
    for number in range(MOST_THINGS + 1):
        note(f"thing {number}", "x" * (MOST_CHARACTERS + 1))
    told = look_up().result["things"]
    assert [thing["name"] for thing in told] == [f"thing {number}" for number in range(MOST_THINGS)]
    assert {len(thing["content"]) for thing in told} == {MOST_CHARACTERS}


def test_things_too_large_for_one_result_are_told_as_far_as_they_fit(note, look_up) -> None:
    for number in range(MOST_THINGS):
        note(f"thing {number}", "\x01" * MOST_CHARACTERS)  # six bytes each in JSON
    assert names(look_up()) == [f"thing {number}" for number in range(4)]


def test_the_embedded_model_answers_from_what_its_user_noted_down(note, ask) -> None:
    note("account number", "4711")
    note("birthday", "10 December 1815")
    assert ask("What is my account number?") == ("account number: 4711", ["stuff"])
    assert ask("What is my shoe size?") == ("You have told me nothing about that.", ["stuff"])
    assert ask("What is my account number?", None) == ("I cannot look that up: Nobody is signed in.", ["stuff"])


def test_a_question_with_my_in_it_may_be_one_for_everybody(tmp_path, user, note, ask) -> None:
    (tmp_path / "help.md").write_text("# Passwords\n\nA password is reset by its owner.\n")
    agent = Agent("demo", "Demo", ("builtin",), tools=("stuff", "knowledge"), knowledge=(str(tmp_path / "*.md"),))
    note("account number", "4711")
    for user_id in (user, None):
        text, asked = ask("Can my password be reset?", user_id, agent)
        assert (text.partition("\n\n")[0], asked) == ("A password is reset by its owner.", ["stuff", "knowledge"])


def test_over_the_wire_an_agent_knows_its_own_callers_things_and_nobody_elses(start) -> None:
    tools = 'tools = ["calculator", "clock", "knowledge"]\nknowledge = ["knowledge/*.md"]\npublic = true'
    server = start(changes={tools: tools.replace('"clock"', '"clock", "stuff"')})
    ada, bob = Person.new(server), Person.new(server)
    token = ada.call("POST", "/login", ada.account()).json()["token"]
    thing = {"name": "account number", "content": "12-345"}
    noted = ada.call("POST", "/stuff", thing, headers={**JSON, "Authorization": f"Bearer {token}"})
    assert noted.status_code == 201
    builtin = {"modelId": "builtin"}
    call, returned = [
        event for event in ada.stream(ada.chat(), "What is my account number?", **builtin) if "tool" in event["type"]
    ]
    assert (call["toolName"], returned["result"]) == ("stuff", {"things": [thing]})
    for person, knows in ((ada, True), (bob, False)):
        answer = person.ask(person.chat(), "What is my account number?", **builtin).json()["assistantMessage"]
        assert ("12-345" in answer["content"]) is knows
    public = requests.post(f"{server.url}/api/chat", json={"prompt": "What is my account number?"}, timeout=30)
    assert "12-345" not in public.text
