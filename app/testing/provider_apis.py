"""What servers of each provider's API send, one class each: the suites know no protocol, only these."""

import contextlib
import json
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

from app.engine.agent import Agent, AnswerOptions
from app.engine.chunks import ModelFinished
from app.engine.errors import ModelError, Problem
from app.engine.events import TextDelta
from app.engine.messages import text_message
from app.engine.ports import Model
from app.engine.prompt import Prompt
from app.providers import PROVIDERS
from app.testing.model_server import LAST, Action, sse, streamed

AGENT = Agent(id="demo", name="Demo", models=("m",), tools=("clock",))


_BUILT: list[Model] = []


def close_idle_connections() -> None:
    """Call it when the model servers are gone: the models built here notice, and close theirs."""
    while _BUILT:
        with contextlib.suppress(ModelError):
            _BUILT.pop().open(make_prompt(), 1)


def build_model(provider: str, **options: Any) -> Model:
    """A model of one of Parlance's own providers. Raises marshmallow's ValidationError for options it does not take."""
    return PROVIDERS[provider].build(PROVIDERS[provider].options().load(options))


class ProviderApi(ABC):
    """The bytes that one provider's server sends: pieces of a stream, to be put together as a test wants them."""

    provider: str
    """The provider's name in parlance.toml."""
    path: str
    """Of the requests, below the base URL."""
    begin: bytes = b""
    """What a stream begins with."""
    last: bytes
    """The event with which `end` ends."""
    ping: bytes
    """What the server sends while it has nothing to say."""
    nothing: Sequence[bytes]
    """Further pieces of a stream that hold nothing of the answer."""

    @abstractmethod
    def text(self, text: str) -> bytes:
        """A token."""

    @abstractmethod
    def thought(self, text: str) -> bytes:
        """A token of reasoning."""

    @abstractmethod
    def call(self, number: int, name: str, args: Mapping[str, Any]) -> bytes:
        """A whole tool call. Calls of one answer are numbered from 0."""

    @abstractmethod
    def call_in_pieces(self, number: int, name: str, args: Mapping[str, Any]) -> Sequence[bytes]:
        """The same, a character of the arguments in each piece."""

    @abstractmethod
    def end(self, reason: str = "", prompt: Any = 3, completion: Any = 2) -> bytes:
        """Why the answer ends ("length", "tool_calls", or by itself), the tokens it took, and the last event."""

    @abstractmethod
    def error(self, message: str) -> bytes:
        """A failure in mid-stream."""

    @abstractmethod
    def refusal(self, message: str) -> bytes:
        """The body of a status other than 200."""

    def answer(self, *tokens: str, **end: Any) -> list[Action]:
        """A whole response, from its head to its last chunk; `end` goes to the method of that name."""
        return [*streamed(self.begin, *map(self.text, tokens), self.end(**end)), LAST]

    def build(self, base_url: str, **options: Any) -> Model:
        """A model that asks the server at `base_url`. Override it for a provider that is not one of Parlance's."""
        return build_model(self.provider, base_url=base_url, **{"model": "m-1", **options})

    def model(self, base_url: str, **options: Any) -> Model:
        """The same, remembered for `close_idle_connections`."""
        _BUILT.append(self.build(base_url, **options))
        return _BUILT[-1]

    def __repr__(self) -> str:
        return self.provider


class OpenAIApi(ProviderApi):
    provider = "openai"
    path = "/chat/completions"
    last = b"data: [DONE]\n\n"
    ping = b": ping\n\n"

    @staticmethod
    def delta(finish_reason: str | None = None, **delta: Any) -> bytes:
        choice = {"index": 0, "delta": delta, "finish_reason": finish_reason}
        return sse({"id": "c", "object": "chat.completion.chunk", "choices": [choice]})

    @property
    def nothing(self) -> Sequence[bytes]:  # type: ignore[override]  # it needs `delta`
        choice = {"index": 0, "delta": {"role": "assistant", "content": ""}, "finish_reason": None}
        usage = {"prompt_tokens": 3, "completion_tokens": 1}
        return (
            sse({"choices": [choice], "usage": None}),
            self.delta(role="assistant", content=None, reasoning_content="", refusal=None, tool_calls=[]),
            self.delta(reasoning_details=[{"type": "reasoning.text", "text": "", "format": "x", "index": 0}]),
            sse({"choices": [], "usage": usage}),
            sse({"choices": [{"index": 0, "delta": {}, "finish_reason": None}], "usage": usage}),
            b"data:\n\n",
        )

    def text(self, text: str) -> bytes:
        return self.delta(content=text)

    def thought(self, text: str) -> bytes:
        return self.delta(reasoning_content=text)

    def call(self, number: int, name: str, args: Mapping[str, Any]) -> bytes:
        function = {"name": name, "arguments": json.dumps(args)}
        return self.delta(tool_calls=[{"index": number, "id": f"call_{number}", "function": function}])

    def call_in_pieces(self, number: int, name: str, args: Mapping[str, Any]) -> Sequence[bytes]:
        function = {"name": name, "arguments": ""}
        first = self.delta(tool_calls=[{"index": number, "id": f"call_{number}", "function": function}])
        pieces = [{"index": number, "function": {"arguments": piece}} for piece in json.dumps(args)]
        return [first, *(self.delta(tool_calls=[piece]) for piece in pieces)]

    def end(self, reason: str = "stop", prompt: Any = 3, completion: Any = 2) -> bytes:
        usage = {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": 5}
        return self.delta(finish_reason=reason) + sse({"choices": [], "usage": usage}) + self.last

    def error(self, message: str) -> bytes:
        return sse({"error": {"message": message, "type": "server_error", "code": 500}})

    def refusal(self, message: str) -> bytes:
        return json.dumps({"error": {"message": message, "type": "whatever"}}).encode()


def event(type_: str, **fields: Any) -> bytes:
    """An event of Anthropic's."""
    return f"event: {type_}\n".encode() + sse({"type": type_, **fields})


class AnthropicApi(ProviderApi):
    provider = "anthropic"
    path = "/messages"
    begin = event("message_start", message={"role": "assistant", "usage": {"input_tokens": 3, "output_tokens": 1}})
    last = event("message_stop")
    ping = event("ping")
    nothing = (
        event("content_block_start", index=0, content_block={"type": "text", "text": ""}),
        event("content_block_delta", index=0, delta={"type": "text_delta", "text": ""}),
        event("content_block_delta", index=0, delta={"type": "thinking_delta", "thinking": ""}),
        event("content_block_stop", index=0),
        event("message_delta", delta={"stop_reason": None}, usage={"output_tokens": 1}),
        b": comment\n\n",
    )

    def text(self, text: str) -> bytes:
        return event("content_block_delta", index=0, delta={"type": "text_delta", "text": text})

    def thought(self, text: str) -> bytes:
        return event("content_block_delta", index=0, delta={"type": "thinking_delta", "thinking": text})

    def call(self, number: int, name: str, args: Mapping[str, Any]) -> bytes:
        block = {"type": "tool_use", "id": f"call_{number}", "name": name, "input": {}}
        delta = {"type": "input_json_delta", "partial_json": json.dumps(args)}
        return (
            event("content_block_start", index=number + 1, content_block=block)
            + event("content_block_delta", index=number + 1, delta=delta)
            + event("content_block_stop", index=number + 1)
        )

    def call_in_pieces(self, number: int, name: str, args: Mapping[str, Any]) -> Sequence[bytes]:
        block = {"type": "tool_use", "id": f"call_{number}", "name": name, "input": {}}
        first = event("content_block_start", index=number + 1, content_block=block)
        deltas = [{"type": "input_json_delta", "partial_json": piece} for piece in json.dumps(args)]
        return [first, *(event("content_block_delta", index=number + 1, delta=delta) for delta in deltas)]

    def end(self, reason: str = "end_turn", prompt: Any = 3, completion: Any = 2) -> bytes:
        reasons = {"length": "max_tokens", "tool_calls": "tool_use"}
        delta = {"stop_reason": reasons.get(reason, reason)}
        return event("message_delta", delta=delta, usage={"output_tokens": completion}) + self.last

    def error(self, message: str) -> bytes:
        return event("error", error={"type": "api_error", "message": message})

    def refusal(self, message: str) -> bytes:
        return json.dumps({"type": "error", "error": {"type": "whatever", "message": message}}).encode()


OPENAI, ANTHROPIC = OpenAIApi(), AnthropicApi()
PROVIDER_APIS = (OPENAI, ANTHROPIC)


def make_prompt(*texts: str, **options: Any) -> Prompt:
    """A conversation of the user's messages, with options such as `max_tokens`."""
    return Prompt(AGENT, [text_message("user", text) for text in texts or ("Hi",)], AnswerOptions(**options))


def chunks_of(model: Model, prompt: Prompt | None = None, heartbeat: float = 5) -> list[Any]:
    """All of an answer, batches taken apart."""
    return [chunk for batch in model.open(prompt or make_prompt(), heartbeat) for chunk in batch]


def outcome(model: Model, heartbeat: float = 5) -> tuple[str, ModelFinished | None, Problem | None]:
    """The text of an answer, how it finished, and the failure that ended it. Fails where other chunks come."""
    chunks: list[Any] = []
    problem = None
    try:
        for batch in model.open(make_prompt(), heartbeat):
            chunks += batch
    except ModelError as error:
        problem = error.problem
    finished = chunks.pop() if chunks and isinstance(chunks[-1], ModelFinished) else None
    assert all(isinstance(chunk, TextDelta) and isinstance(chunk.text, str) for chunk in chunks), chunks
    return "".join(chunk.text for chunk in chunks), finished, problem
