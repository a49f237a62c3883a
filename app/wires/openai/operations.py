"""The operations of this wire."""

from typing import Any

import orjson

from app.engine.errors import Problem
from app.web.reference.operations import ASKED_FOR_IDS, Content, Operation, Reference, Reply, ok
from app.web.requests.asked_answer import operations_on_answers
from app.wires.openai.replies import (
    EVENT,
    CompletionSchema,
    ErrorSchema,
    ModelSchema,
    ModelsSchema,
    StoppedSchema,
)
from app.wires.openai.requests import CompletionRequestSchema, ModelsQuerySchema
from app.wires.openai.serializers import model_entry, model_page

_ID = "chatcmpl-404f8a7c2f0b4e4f9a1d1b7f7d3c5e60"
_USAGE = {"prompt_tokens": 28, "completion_tokens": 3, "total_tokens": 31}


def _chunk(delta: dict[str, Any], reason: str | None = None) -> str:
    choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": reason}
    chunk = {"id": _ID, "object": "chat.completion.chunk", "created": 1795260060, "model": "demo", "choices": [choice]}
    return f"data: {orjson.dumps(chunk).decode()}\n\n"


_CHUNKS = Content(
    EVENT,
    _chunk({"role": "assistant", "content": ""})
    + _chunk({"content": "2+2"})
    + _chunk({"content": " = 4"})
    + _chunk({}, "stop")
    + "data: [DONE]\n\n",
    "text/event-stream",
    last="[DONE]",
)
_COMPLETION = {
    "id": _ID,
    "object": "chat.completion",
    "created": 1795260060,
    "model": "demo",
    "choices": [
        {
            "index": 0,
            "message": {"role": "assistant", "content": "2+2 = 4", "refusal": None, "annotations": []},
            "logprobs": None,
            "finish_reason": "stop",
        }
    ],
    "usage": _USAGE,
}

REFERENCE = Reference(
    about="OpenAI's chat completions: a secret key reaches the key's agent, by its id or as one of its models. The "
    "caller sends the whole conversation each time. Tools that it declares run at the caller's; the agent's own run in "
    "the server, and their calls are not told.",
    error=ErrorSchema,
    parameters={
        "name": {"type": "string", "description": "An agent's id, or a model's name or alias", "example": "demo"}
    },
    operations=(
        Operation(
            "post",
            "/v1/chat/completions",
            "Answer a conversation",
            (
                Reply(
                    200,
                    'With `"stream": true` server-sent events: chunks with a delta each, the reason of the end, with '
                    "`stream_options.include_usage` the usage, then `[DONE]`; or one object. A comment, "
                    "`: keep-alive`, fills a silence. A failure behind the first byte is an event with `error`.",
                    (_CHUNKS, Content(CompletionSchema, _COMPLETION)),
                ),
            ),
            description="System and developer messages are accepted where the agent has `allow_system`, images where a "
            "model has `images`. Fields that are not named here are ignored.",
            body=CompletionRequestSchema,
            example={"model": "demo", "messages": [{"role": "user", "content": "What is 2+2?"}]},
            headers=ASKED_FOR_IDS,
            cost="answer",
            problems=(Problem.MODEL_NOT_FOUND,),
        ),
        *operations_on_answers(
            "/v1/chat/completions",
            "An answer of the same key that runs, or that has ended.",
            _CHUNKS,
            StoppedSchema,
            {"id": _ID, "status": "interrupted", "content": "2+2", "usage": _USAGE, "credits": 1},
        ),
        Operation(
            "get",
            "/v1/models",
            "List what can be asked",
            (ok("The agent, and its models.", ModelsSchema, model_page(["demo", "builtin"], 20)),),
            query=ModelsQuerySchema,
            problems=(Problem.INVALID,),
        ),
        Operation(
            "get",
            "/v1/models/{name}",
            "Look one up",
            (ok("It can be asked.", ModelSchema, model_entry("demo")),),
            problems=(Problem.MODEL_NOT_FOUND,),
        ),
    ),
)
