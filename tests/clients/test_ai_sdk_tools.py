"""Tools and sources as the AI SDK's Chat sees them: those that run here, and those that run in the visitor's page."""

from collections.abc import Iterator

import pytest
from support.sdk import VERSIONS, Client, Program, config, of_type, regenerate, send, text

from app.testing.server import Server, script

ASK = {"call": "confirm", "args": {"question": "Sure?"}}
LOCATE = {"call": "locate"}
SUM = {"call": "calculator", "args": {"expression": "17 * 23"}}


@pytest.fixture(scope="module")
def shop(tmp_path_factory) -> Iterator[Server]:
    with Server(tmp_path_factory.mktemp("shop"), config=config()) as running:
        yield running


@pytest.fixture(scope="module")
def keys(shop) -> dict[str, str]:
    return {agent: shop.key("secret", agent) for agent in ("shop", "archive")}


@pytest.fixture(scope="module", params=VERSIONS)
def program(request) -> Iterator[Program]:
    with Program(request.param) as running:
        yield running


@pytest.fixture
def client(program, shop, keys) -> Client:
    return Client(program, shop, "shop", keys["shop"])


def tools(message) -> list[tuple]:
    """Name, state and what came back, of each call."""
    found = [part for part in message["parts"] if part["type"].startswith("tool-")]
    return [(each["type"], each["state"], each.get("output", each.get("errorText"))) for each in found]


def test_a_tool_that_runs_here_shows_its_call_and_its_output(client) -> None:
    talk = client.talk(send(script({"text": "Let me see. "}, SUM, {"text": "It is 391."})))
    kinds = [part["type"] for part in talk.answer["parts"]]
    assert kinds == ["step-start", "text", "tool-calculator", "step-start", "text"]
    part = talk.answer["parts"][2]
    assert part["input"] == {"expression": "17 * 23"}
    assert (part["state"], part["output"]) == ("output-available", "391")
    assert text(talk.answer) == "Let me see. It is 391."
    assert len(talk.exchanges) == 1


def test_a_tool_that_fails_says_why(client) -> None:
    failing = {"call": "calculator", "args": {"expression": "1/0"}}
    talk = client.talk(send(script(failing, {"call": "nothing"}, {"text": "No."})))
    assert tools(talk.answer) == [
        ("tool-calculator", "output-error", "division by zero"),
        ("tool-nothing", "output-error", "There is no such tool. There are: calculator, knowledge, locate, confirm."),
    ]
    assert text(talk.answer) == "No."


def test_tools_are_read_without_a_chat_too(client) -> None:
    last = client.read(script(SUM, {"reasoning": "Hm."}, {"text": "391"}))["states"][-1]
    assert [part["type"] for part in last["parts"]] == [
        *("step-start", "tool-calculator", "step-start", "reasoning", "text"),
    ]


def test_a_call_of_the_pages_own_tool_ends_the_turn_and_its_output_goes_on_with_the_same_message(client) -> None:
    talk = client.talk(send(script({"text": "One moment. "}, ASK, {"text": "Thanks."})), {"output": {"sure": True}})
    (asked, waiting), (_, going_on) = (each["messages"] for each in talk.after)
    assert tools(waiting) == [("tool-confirm", "input-available", None)]
    assert of_type(waiting, "tool-confirm")[0]["input"] == {"question": "Sure?"}
    assert waiting["metadata"]["finishReason"] == "tool-calls"
    assert tools(going_on) == [("tool-confirm", "output-available", {"sure": True})]
    assert text(going_on) == "One moment. Thanks."
    assert going_on["id"] == waiting["id"]
    assert going_on["metadata"]["finishReason"] == "stop"
    assert talk.exchanges[1]["chunks"][0] == talk.exchanges[0]["chunks"][0], "of the same message"
    stored = client.stored(talk.conversation_id)[1]
    tokens = stored["prompt_tokens"] + stored["completion_tokens"]
    assert going_on["metadata"]["totalTokens"] == tokens > waiting["metadata"]["totalTokens"], "of the whole answer"
    question, answer = client.history(talk.conversation_id)
    assert text(question) == text(asked)
    assert answer["id"] == going_on["id"]
    kinds = [part["type"] for part in answer["parts"]]
    assert kinds == ["text", "tool-call", "tool-result", "text"]


def test_an_output_that_is_there_at_once_is_sent_by_itself(client) -> None:
    talk = client.talk(send(script(LOCATE, {"text": "Hello, Bern."})), tools={"locate": {"city": "Bern"}})
    assert tools(talk.answer) == [("tool-locate", "output-available", {"city": "Bern"})]
    assert text(talk.answer) == "Hello, Bern."
    assert [each["finishReason"] for each in talk.finished] == ["tool-calls", "stop"]
    assert [message["role"] for message in client.history(talk.conversation_id)] == ["user", "assistant"]


def test_what_the_page_refuses_to_do_is_told_to_the_model(client) -> None:
    talk = client.talk(send(script(ASK, {"text": "Never mind."})), {"error": "The visitor said no"})
    assert tools(talk.answer) == [("tool-confirm", "output-error", "The visitor said no")]
    assert text(talk.answer) == "Never mind."


def test_the_answer_goes_on_when_all_calls_have_their_outputs(client) -> None:
    talk = client.talk(send(script(SUM, ASK, LOCATE, {"text": "Done."})), {"output": "yes"}, {"output": "Bern"})
    assert tools(talk.after[0]["messages"][-1])[0][:2] == ("tool-calculator", "output-available")
    assert [each[1] for each in tools(talk.after[1]["messages"][-1])][1:] == ["output-available", "input-available"]
    assert [each[2] for each in tools(talk.answer)][1:] == ["yes", "Bern"]
    assert (text(talk.answer), len(talk.exchanges)) == ("Done.", 2)


def test_an_answer_may_call_the_page_again_and_again(client) -> None:
    asked = script(LOCATE, {"text": "So. "}, SUM, {"text": "And. "}, ASK, {"text": "Done."})
    talk = client.talk(send(asked), {"output": "Bern"}, {"output": "yes"})
    assert len({each["messages"][-1]["id"] for each in talk.after}) == 1
    assert text(talk.answer) == "So. And. Done."
    assert [each[0] for each in tools(talk.answer)] == ["tool-locate", "tool-calculator", "tool-confirm"]
    assert client.history(talk.conversation_id)[-1]["metadata"]["usage"] == {"credits": 3}


def test_each_answer_of_a_chat_may_wait_for_an_output(client) -> None:
    asked = script(ASK, {"text": "Fine."})
    talk = client.talk(send(asked), {"output": "one"}, send(asked), {"output": "two"})
    answers = [message for message in talk.messages if message["role"] == "assistant"]
    assert [tools(each)[0][2] for each in answers] == ["one", "two"]


def test_a_question_instead_of_an_output_is_answered(client) -> None:
    talk = client.talk(send(script(ASK, {"text": "Fine."})), send(script({"text": "As you like."})))
    assert (talk.errors, text(talk.answer)) == ([], "As you like.")
    assert tools(talk.messages[1]) == [("tool-confirm", "input-available", None)]


def test_another_answer_takes_the_place_of_one_that_waits(client) -> None:
    talk = client.talk(send(script(ASK, {"text": "Fine."})), regenerate(), {"output": "yes"})
    assert (len(talk.messages), text(talk.answer)) == (2, "Fine.")
    assert [message["id"] for message in client.history(talk.conversation_id)][1] == talk.answer["id"]


def test_an_answer_that_went_on_can_be_stopped(client) -> None:
    asked = script({"text": "Wait. "}, LOCATE, {"text": "So far"}, {"pause": 20})
    talk = client.talk(send(asked), {"output": "Bern", "stop": "So far"}, {"wait": 100}, send(script({"text": "On."})))
    assert talk.errors == []
    stored = client.stored(talk.conversation_id)
    assert [(each["status"], each["text"]) for each in stored[1::2]] == [
        ("interrupted", "Wait. So far"),
        ("complete", "On."),
    ]
    assert stored[1]["id"] == talk.messages[1]["id"].removeprefix("msg_")


QUESTION = "How do I change the rate limit?"


@pytest.mark.parametrize(
    ("agent", "question"),
    [("archive", QUESTION), ("shop", script({"call": "knowledge", "args": {"query": QUESTION}}, {"text": "There."}))],
    ids=["told beforehand", "looked up"],
)
def test_what_an_answer_rests_on_is_shown_as_its_sources(agent, question, program, shop, keys) -> None:
    talk = Client(program, shop, agent, keys[agent]).talk(send(question))
    sources = of_type(talk.answer, "source-document")
    assert len(sources) == len({each["sourceId"] for each in sources}) > 0
    assert {each["mediaType"] for each in sources} == {"text/markdown"}
    assert sources[0]["filename"] == "Configuration"
    assert QUESTION in sources[0]["title"]
