"""The operations of this wire."""

from typing import Any

import orjson

from app.engine.errors import Problem
from app.engine.messages import Usage
from app.web.reference.operations import Content, Operation, Reference, Reply, ok
from app.wires.responses.items import message_item, text_content
from app.wires.responses.replies import EVENT, CompactedSchema, DeletedSchema, ErrorSchema, ItemsSchema, ResponseSchema
from app.wires.responses.requests import (
    CompactRequestSchema,
    ItemsQuerySchema,
    ResponseQuerySchema,
    ResponseRequestSchema,
)
from app.wires.responses.resource import Asked
from app.wires.responses.serializers import deleted, page_of

_ANSWER = "404f8a7c2f0b4e4f9a1d1b7f7d3c5e60"
_ID, _ITEM, _AT = f"resp_{_ANSWER}", f"msg_{_ANSWER}_0", 1795260060000
_BODY = {"model": "demo", "input": "What is 2+2?"}
_ASKED: Asked = ResponseRequestSchema().load(_BODY).asked
_OUTPUT = message_item(_ITEM, "completed", [text_content("2+2 = 4")])
_COMPLETED = _ASKED.response(_ANSWER, _AT, "completed", [_OUTPUT], usage=Usage(28, 3), completed_at=_AT)
_STARTED = _ASKED.response(_ANSWER, _AT, "in_progress")
_PLACE = {"item_id": _ITEM, "output_index": 0, "content_index": 0}


def _event(kind: str, number: int, **fields: Any) -> str:
    data = {"type": f"response.{kind}", **fields, "sequence_number": number}
    return f"event: response.{kind}\ndata: {orjson.dumps(data).decode()}\n\n"


_EVENTS = Content(
    EVENT,
    _event("created", 0, response=_STARTED)
    + _event("in_progress", 1, response=_STARTED)
    + _event("output_item.added", 2, output_index=0, item=message_item(_ITEM, "in_progress", []))
    + _event("content_part.added", 3, **_PLACE, part=text_content(""))
    + _event("output_text.delta", 6, **_PLACE, logprobs=[], delta="2+2")
    + _event("output_text.delta", 10, **_PLACE, logprobs=[], delta=" = 4")
    + _event("output_text.done", 11, **_PLACE, text="2+2 = 4", logprobs=[])
    + _event("content_part.done", 12, **_PLACE, part=text_content("2+2 = 4"))
    + _event("output_item.done", 13, output_index=0, item=_OUTPUT)
    + _event("completed", 14, response=_COMPLETED)
    + "data: [DONE]\n\n",
    "text/event-stream",
    last="[DONE]",
)
_POSTED = {**message_item(f"in_{_ANSWER}_0", "completed", [{"type": "input_text", "text": "What is 2+2?"}])}
_SHORT = {
    "id": _ID,
    "object": "response.compaction",
    "created_at": _AT // 1000,
    "output": [{"type": "compaction", "id": f"cmp_{_ANSWER}", "encrypted_content": "WyJ0aG91Z2h0Ii…"}],
    "usage": _COMPLETED["usage"],
}

REFERENCE = Reference(
    about="OpenAI's Responses API, as Open Responses describes it: a secret key reaches the key's agent, by its id or "
    "as one of its models. A response is stored unless the request says otherwise: it can be looked up, heard again, "
    "cancelled, deleted, and gone on from. Tools that the caller declares run at the caller's; the agent's own run in "
    "the server, and their calls are not told.",
    error=ErrorSchema,
    parameters={"response_id": {"type": "string", "description": "A stored response's id", "example": _ID}},
    operations=(
        Operation(
            "post",
            "/v1/responses",
            "Create a response",
            (
                Reply(
                    200,
                    'With `"stream": true` server-sent events, which say their type twice, then `[DONE]`; or one '
                    'object; with `"background": true` that object at once, as `queued`. A comment, `: keep-alive`, '
                    "fills a silence. A failure behind the first byte is an event `error`, and then "
                    "`response.failed`.",
                    (_EVENTS, Content(ResponseSchema, _COMPLETED)),
                ),
            ),
            description="Instructions, system and developer messages are accepted where the agent has `allow_system`, "
            "images where a model has `images`. Fields that are not named here are ignored.",
            body=ResponseRequestSchema,
            example=_BODY,
            cost="answer",
            problems=(Problem.MODEL_NOT_FOUND, Problem.NOT_FOUND),
        ),
        Operation(
            "post",
            "/v1/responses/compact",
            "Shorten a conversation",
            (ok("An item that stands for what was posted: a summary by the agent's model.", CompactedSchema, _SHORT),),
            description="It is an answer like any other: it is recorded and paid. It cannot be looked up.",
            body=CompactRequestSchema,
            example=_BODY,
            cost="answer",
            problems=(Problem.MODEL_NOT_FOUND, Problem.NOT_FOUND),
        ),
        Operation(
            "get",
            "/v1/responses/{response_id}",
            "Look a response up, or hear it again",
            (
                Reply(
                    200,
                    "How it stands; with `stream` its events behind `starting_after`, live where it runs, and its end.",
                    (_EVENTS, Content(ResponseSchema, _COMPLETED)),
                ),
                Reply(204, "With a `cursor` that is the one of its last event."),
            ),
            query=ResponseQuerySchema,
            problems=(Problem.INVALID, Problem.NOT_FOUND, Problem.LIMITED),
        ),
        Operation(
            "delete",
            "/v1/responses/{response_id}",
            "Delete a response",
            (ok("Nobody can look it up any more. If it ran, it has ended.", DeletedSchema, deleted(_ID)),),
            problems=(Problem.NOT_FOUND,),
        ),
        Operation(
            "post",
            "/v1/responses/{response_id}/cancel",
            "Cancel a response",
            (ok("How it stands. If it ran, it has ended with what it had said.", ResponseSchema, _COMPLETED),),
            problems=(Problem.NOT_FOUND,),
        ),
        Operation(
            "get",
            "/v1/responses/{response_id}/input_items",
            "List what was posted",
            (ok("A page of items.", ItemsSchema, page_of([{**_POSTED, "role": "user"}], 20, "asc", None)),),
            description="Not those that came by `previous_response_id`.",
            query=ItemsQuerySchema,
            problems=(Problem.INVALID, Problem.NOT_FOUND),
        ),
    ),
)
