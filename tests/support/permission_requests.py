"""The requests of the permission fuzz: each declared operation of each wire, ids in each place where one can stand.

A place that this file does not know, or a body that neither a recipe nor the operation's example makes, fails the test.
"""

import pkgutil
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from random import Random
from typing import Any

from marshmallow import Schema

from app import wires as wires_folder
from app.testing.server import script
from app.web.reference.operations import Operation
from app.web.requests.positions import HEADER
from app.web.wire import Wire

WIRES: Sequence[Wire] = [
    import_module(f"app.wires.{module.name}").WIRE for module in pkgutil.iter_modules(wires_folder.__path__)
]

PLACES: Mapping[tuple[str, str], str] = {  # (wire, name of a parameter or a field) -> what it names
    ("agents", "agentId"): "agent",
    ("agents", "conversationId"): "conversations",
    ("agents", "messageId"): "messages",
    ("agents", "userId"): "end user",
    ("agents", "id"): "name",
    ("agents", "cursor"): "cursor",
    ("agents", "chatId"): "conversations",
    ("agents", "toolCallId"): "call",
    ("agents", "activeStreamId"): "messages",
    ("chats", "userId"): "users",
    ("chats", "chatId"): "conversations",
    ("chats", "workflowId"): "workflows",
    ("chats", "runId"): "runs",
    ("chats", "modelId"): "model",
    ("things", "thingId"): "things",
    ("widget", "sessionId"): "name",
    ("widget", "messageId"): "messages",
    ("chats", "cursor"): "cursor",
    ("things", "cursor"): "cursor",
    ("widget", "cursor"): "cursor",
    ("workers", "cursor"): "position",
    ("openai", "name"): "model",
    ("openai", "cursor"): "position",
    ("openai", "after_id"): "model",
    ("openai", "before_id"): "model",
    ("responses", "response_id"): "response",
    ("responses", "previous_response_id"): "response",
    ("responses", "after"): "name",
    ("messages", "cursor"): "position",
    ("responses", "cursor"): "position",
    **{(wire.name, HEADER): "position" for wire in WIRES},
}
NAMES = ("cursor", "before", "after")
"""Fields that point somewhere beside those whose names end in `id`."""


@dataclass(frozen=True)
class Call:
    """An operation of a wire; `places` are its parameters and fields that name something."""

    wire: Wire
    operation: Operation
    path_places: tuple[str, ...]
    query_places: tuple[str, ...]
    body_places: tuple[str, ...]
    header_places: tuple[str, ...]

    @property
    def key(self) -> tuple[str, str]:
        return self.operation.method, self.operation.path

    @property
    def places(self) -> set[str]:
        return {*self.path_places, *self.query_places, *self.body_places, *self.header_places}

    def kind(self, place: str) -> str:
        in_stream = place == "cursor" and self.header_places  # where it says the same as the header
        return "position" if in_stream else PLACES[self.wire.name, place]

    def __str__(self) -> str:
        return f"{self.operation.method.upper()} {self.operation.path}"


def all_calls() -> list[Call]:
    """Every operation that a wire declares. Fails where one has a place that `PLACES` does not know, or a body that
    nobody knows how to make."""
    calls = [Call(wire, each, *_places(each)) for wire in WIRES for each in wire.reference.operations]
    for call in calls:
        unknown = [place for place in call.places if (call.wire.name, place) not in PLACES]
        assert not unknown, f"{call}: what do {unknown} name? Say it in PLACES"
        known = call.operation.body is None or call.key in BODIES or call.operation.example
        assert known, f"{call}: what is posted? Say it in BODIES"
    missing = BODIES.keys() - {call.key for call in calls}
    assert not missing, f"no such operations: {missing}"
    return calls


def _places(operation: Operation) -> Iterator[tuple[str, ...]]:
    yield tuple(part[1:-1] for part in operation.path.split("/") if part.startswith("{"))
    yield tuple(_pointing(operation.query))
    yield tuple(_pointing(operation.body))
    yield (HEADER,) if HEADER in operation.headers and operation.method != "post" else ()


def _pointing(shape: Any) -> Iterator[str]:
    """The fields of a schema that name something."""
    if shape is None:
        return
    schema: Schema = shape() if isinstance(shape, type) else shape
    for name, each in schema.fields.items():
        shown = each.data_key or name
        if shown.lower().endswith("id") or shown in NAMES:
            yield shown


@dataclass
class Draft:
    """What a body is made of: ids for the operation's places, and what its sender says."""

    ids: Mapping[str, str]
    marker: str
    agent: str
    rng: Random
    account: Mapping[str, str] = field(default_factory=dict)
    parts: Sequence[Mapping[str, Any]] = ()  # of the stored message that `messageId` names

    def some(self, **maybe: str) -> dict[str, Any]:
        """Fields, by the name of their place, of which each is left out now and then."""
        return {name: self.ids[place] for name, place in maybe.items() if self.rng.random() < 0.8}

    def words(self) -> str:
        """A question, which the model answers with the sender's own words, and now and then with a tool's."""
        if self.agent != "other" and self.ids.get("modelId") != "scripted":
            return f"{self.marker} asks"
        cues: list[Mapping[str, Any]] = [{"text": f"{self.marker} is told"}]
        calls = {"confirm": {}, "stuff": {}, "calculator": {"expression": "6*7"}}
        name = self.rng.choice([*calls, "", ""])
        return script(*([{"call": name, "args": calls[name]}] if name else []), *cues)


def _ask_agent(draft: Draft) -> dict[str, Any]:
    stream = draft.rng.random() < 0.5
    user_id = draft.some(userId="userId")
    if draft.rng.random() < 0.4:
        if draft.rng.random() < 0.2:  # where results of the caller's tools have been brought
            return {"conversationId": draft.ids["conversationId"], "stream": stream}
        return {"message": draft.words(), "stream": stream, **draft.some(conversationId="conversationId"), **user_id}
    message = {"id": draft.rng.choice([uuid.uuid4().hex, draft.ids["messageId"]]), "role": "user"}
    said: dict[str, Any] = {**message, "parts": [{"type": "text", "text": draft.words()}]}
    if draft.parts and draft.rng.random() < 0.6:
        said = {"id": draft.ids["messageId"], "role": "assistant", "parts": [*_outputs(draft)]}
    named = draft.rng.choice([{"conversationId": draft.ids["conversationId"]}, {"id": draft.ids["id"]}, {}])
    trigger = draft.rng.choice(["submit-message", "submit-message", "regenerate-message"])
    edited = {"messageId": draft.ids["messageId"]} if draft.rng.random() < 0.3 else {}
    before = [{"id": "m0", "role": "user", "parts": [{"type": "text", "text": f"{draft.marker} earlier"}]}]
    messages = [*(before if draft.rng.random() < 0.5 else []), said]
    return {"messages": messages, "stream": stream, "trigger": trigger, **named, **edited, **user_id}


def _outputs(draft: Draft) -> Iterator[Mapping[str, Any]]:
    for part in draft.parts:
        if part["type"] == "tool-call":
            output = {"state": "output-available", "output": f"{draft.marker} saw"}
            yield {"type": f"tool-{part['toolName']}", "toolCallId": part["toolCallId"], "input": {}, **output}


def _workflow(draft: Draft) -> dict[str, Any]:
    say = {"id": "say", "say": f"{draft.marker} says {{{{ input }}}}"}
    ask = {"id": "ask", "prompt": f"{draft.marker}: {{{{ input }}}}"}
    notes = {"id": "notes", "tool": "stuff", "args": {}}
    told = {"id": "tell", "say": f"{draft.marker}: {{{{ steps.notes.result }}}}", "dependsOn": ["notes"]}
    return {"name": f"of {draft.marker}", "steps": draft.rng.choice([[say], [ask], [notes, told]])}


def _changed_workflow(draft: Draft) -> dict[str, Any]:
    written = _workflow(draft)
    return draft.rng.choice([written, {"name": written["name"]}, {"steps": written["steps"]}])


def _post(draft: Draft) -> dict[str, Any]:
    same = {name: draft.ids[name] for name in ("modelId", "userId")}
    return {
        "content": draft.words(),
        **same,
        **(draft.some(workflowId="workflowId") if draft.rng.random() < 0.3 else {}),
    }


def _thing(draft: Draft) -> dict[str, Any]:
    content = {"content": f"the content of {draft.marker}"} if draft.rng.random() < 0.8 else {}
    return {"name": f"of {draft.marker}", **content}


def _account(draft: Draft) -> dict[str, Any]:
    return dict(draft.account)


def _speak(draft: Draft) -> dict[str, Any]:
    return {"sessionId": draft.ids["sessionId"], "message": draft.words()}


def _complete(draft: Draft) -> dict[str, Any]:
    before = [{"role": "user", "content": "Hello"}, {"role": "assistant", "content": f"seen {draft.marker}"}]
    said = [*(before if draft.rng.random() < 0.3 else []), {"role": "user", "content": draft.words()}]
    return {"messages": said, "stream": draft.rng.random() < 0.5}


def _ask_model(draft: Draft) -> dict[str, Any]:
    return {"model": draft.agent, **_complete(draft)}


def _ask_messages(draft: Draft) -> dict[str, Any]:
    return {"max_tokens": 1000, **_ask_model(draft)}


def _respond(draft: Draft) -> dict[str, Any]:
    how = {"stream": draft.rng.random() < 0.5, "store": draft.rng.random() < 0.8}
    return {
        "model": draft.agent,
        "input": draft.words(),
        **how,
        **draft.some(previous_response_id="previous_response_id"),
    }


def _compact(draft: Draft) -> dict[str, Any]:
    said = [{"role": "user", "content": draft.words()}]
    return {"model": draft.agent, "input": said, **draft.some(previous_response_id="previous_response_id")}


def _tool_result(draft: Draft) -> dict[str, Any]:
    return {"toolCallId": draft.ids["toolCallId"], "output": f"{draft.marker} saw"}


def _feedback(draft: Draft) -> dict[str, Any]:
    return {"feedback": draft.rng.choice(["positive", "negative", None])}


def _rating(draft: Draft) -> dict[str, Any]:
    rating = draft.rng.choice(["up", "down", None])
    return {"sessionId": draft.ids["sessionId"], "messageId": draft.ids["messageId"], "rating": rating}


_AGENT = "/api/v2/agents/{agentId}"
_ONE = f"{_AGENT}/conversations/{{conversationId}}"
BODIES: Mapping[tuple[str, str], Callable[[Draft], dict[str, Any]]] = {
    ("post", f"{_AGENT}/chat"): _ask_agent,
    ("post", f"{_ONE}/retry"): lambda draft: {"messageId": draft.ids["messageId"], "stream": False},
    ("post", f"{_ONE}/tool-result"): _tool_result,
    ("patch", _ONE): lambda draft: {"paused": draft.rng.random() < 0.3},
    ("patch", f"{_ONE}/messages/{{messageId}}/feedback"): _feedback,
    ("post", "/api/chat"): _complete,
    ("post", "/chat"): _speak,
    ("post", "/v1/chat/stream"): _speak,
    ("post", "/v1/chat"): _speak,
    ("post", "/v1/chat/feedback"): _rating,
    ("post", "/v1/chat/completions"): _ask_model,
    ("post", "/v1/messages"): _ask_messages,
    ("post", "/v1/messages/count_tokens"): _ask_messages,
    ("post", "/v1/responses"): _respond,
    ("post", "/v1/responses/compact"): _compact,
    ("post", "/api/auth/sign-up/email"): _account,
    ("post", "/api/auth/sign-in/email"): _account,
    ("post", "/login"): _account,
    ("post", "/api/chats"): lambda draft: {"title": f"of {draft.marker}", **draft.some(userId="userId")},
    ("post", "/api/chats/{chatId}/messages/stream"): _post,
    ("post", "/api/chats/{chatId}/messages"): _post,
    ("post", "/api/workflows"): _workflow,
    ("patch", "/api/workflows/{workflowId}"): _changed_workflow,
    ("post", "/stuff"): _thing,
    ("put", "/stuff/{thingId}"): _thing,
}
