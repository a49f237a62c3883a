"""Asks with OpenAI's own client, by its Responses API."""

import json
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import Any

from openai import OpenAI
from telling import CITY, RESULT, failure, flaky, given, limits, tell, until_it_breaks, user

GIVEN = given()
MODEL = "eyes"
TOOLS = [{"type": "function", "name": "get_weather", "parameters": CITY}]
ENDS = ("response.completed", "response.incomplete", "response.failed")


def at(key: str, base: str = GIVEN.url, **more: Any) -> OpenAI:
    return OpenAI(api_key=key, base_url=f"{base}/v1", **more)


CLIENT = at(GIVEN.key)
SEEN = [user([{"type": "input_text", "text": "look"}, {"type": "input_image", "image_url": GIVEN.picture}])]


def ask(asked: Any, client: OpenAI = CLIENT, **more: Any) -> Any:
    return client.responses.create(**{"model": MODEL, "input": asked, **more})


def read(response: Any) -> dict[str, Any]:
    usage = response.usage
    return {"text": response.output_text, "reason": response.status, "usage": [usage.input_tokens, usage.output_tokens]}


def text_of(events: Sequence[Any]) -> str:
    return "".join(event.delta for event in events if event.type == "response.output_text.delta")


def streamed() -> dict[str, Any]:
    events = [*ask("greet", stream=True)]
    pieces = [event.delta for event in events if event.type == "response.output_text.delta"]
    return {**read(events[-1].response), "pieces": pieces}


def helped() -> Any:
    with CLIENT.responses.stream(model=MODEL, input="weather", tools=TOOLS) as stream:
        return stream.get_final_response()


def called(response: Any) -> dict[str, Any]:
    """The result alone is posted; what went before it is looked up."""
    (call,) = response.output
    result = {"type": "function_call_output", "call_id": call.call_id, "output": RESULT}
    answer = ask([result], tools=TOOLS, previous_response_id=response.id)
    calls = [[call.name, json.loads(call.arguments)]]
    return {"calls": calls, "reason": response.status, "answer": answer.output_text}


def posted_whole(response: Any) -> str:
    """The same with all of it posted, and nothing stored."""
    (call,) = response.output
    result = {"type": "function_call_output", "call_id": call.call_id, "output": RESULT}
    return str(ask([user("weather"), call, result], tools=TOOLS, store=False).output_text)


def stored() -> dict[str, Any]:
    """What becomes of a response that is stored."""
    first = ask("greet")
    second = ask("sum", previous_response_id=first.id)
    items = [item.content[0].text for item in CLIENT.responses.input_items.list(second.id, order="asc", limit=1)]
    same = CLIENT.responses.retrieve(second.id).output_text == second.output_text
    CLIENT.responses.delete(first.id)
    return {
        "items": items,
        "same": same,
        "deleted": failure(lambda: CLIENT.responses.retrieve(first.id)),
        "goneOn": failure(lambda: ask("greet", previous_response_id=first.id)),
    }


def cancelled() -> list[str]:
    response = ask("slow", background=True)
    told = CLIENT.responses.cancel(response.id)
    return [response.status, told.status, CLIENT.responses.retrieve(response.id).status]


def some(stream: Any, most: int) -> list[Any]:
    """So many of its events, then it is cut."""
    events = []
    with stream:
        for event in stream:
            events.append(event)
            if len(events) == most:
                break
    return events


def read_on(response_id: str, events: list[Any], most: int) -> list[Any]:
    """Behind the last of the events, cut after each `most`, until the response is whole."""
    while events[-1].type not in ENDS:
        last = events[-1].sequence_number
        events += some(CLIENT.responses.retrieve(response_id, stream=True, starting_after=last), most)
    return events


def cut(number: int, most: int = 1000) -> dict[str, Any]:
    """A response in the background whose stream is cut behind so many events."""
    events = some(ask("slow", background=True, stream=True), number)
    response_id = events[0].response.id
    events = read_on(response_id, events, most)
    return {
        "text": text_of(events),
        "ascends": all(a.sequence_number < b.sequence_number for a, b in pairwise(events)),
        "kinds": [event.type for event in events],
        "stored": CLIENT.responses.retrieve(response_id).output_text,
    }


def from_its_begin() -> str:
    """Who asked for no stream reads it from the first event."""
    response = ask("slow", background=True)
    with CLIENT.responses.stream(response_id=response.id) as stream:
        return str(stream.get_final_response().output_text)


def cut_everywhere() -> list[dict[str, Any]]:
    whole = cut(1000)
    with ThreadPoolExecutor(6) as threads:
        each = [*threads.map(cut, range(1, len(whole["kinds"])))]
    return [whole, *each, cut(1, 1)]


def broken() -> Iterator[str]:
    for event in ask("break", stream=True):
        if event.type == "response.output_text.delta":
            yield event.delta


partly: list[str] = []
tell(
    whole=read(ask("greet", instructions="Be brief.")),
    streamed=streamed(),
    tool=called(ask("weather", tools=TOOLS)),
    toolStreamed=called(helped()),
    toolPosted=posted_whole(ask("weather", tools=TOOLS, store=False)),
    own=ask("sum").output_text,
    image=ask(SEEN).output_text,
    retried=ask(flaky()).output_text,
    stored=stored(),
    cancelled=cancelled(),
    cut=cut_everywhere(),
    fromBegin=from_its_begin(),
    errors={
        "key": failure(lambda: ask("greet", at("nope"))),
        "model": failure(lambda: ask("greet", model="nope")),
        "retrieved": failure(lambda: CLIENT.responses.retrieve("resp_nope")),
        "request": failure(lambda: ask("greet", max_tool_calls=2)),
        "image": failure(lambda: ask(SEEN, model="blind")),
        "unpaid": failure(lambda: ask("greet", at(GIVEN.unpaid))),
        "broken": failure(until_it_breaks(broken, partly)),
    },
    partly="".join(partly),
    limits=limits(lambda retries: ask("greet", at(GIVEN.limitedKey, GIVEN.limited, max_retries=retries))),
)
