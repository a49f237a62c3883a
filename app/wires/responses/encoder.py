"""A turn as the events of a response (Open Responses, "Streaming"). Each has an `event` line with its type.

The number of an event says how far the response goes on with it, whatever the batches were: each event counts one, a
piece of text or of thoughts as many as it has characters. So the same answer, told again, has the same numbers.
"""

from collections.abc import Mapping
from time import time
from typing import Any

from app.engine.errors import ChatError, Problem
from app.engine.events import (
    Batch,
    Event,
    ReasoningDelta,
    ReasoningEnded,
    ReasoningStarted,
    TextDelta,
    TextEnded,
    TextStarted,
    ToolCalled,
    TurnFailed,
    TurnFinished,
    TurnStarted,
)
from app.engine.messages import ProviderMetadata
from app.web.requests.caller_tools import IsCallers
from app.web.requests.sealed import Seal
from app.web.responses.framing import SSE, SSE_KEEP_ALIVE, json_bytes, json_text, sse
from app.wires.responses.errors import error_body
from app.wires.responses.items import Item, arguments_of, call_item, message_item, output_items, text_content
from app.wires.responses.resource import Asked, incomplete_reason

_DONE = sse(b"[DONE]")


class ResponseEncoder:
    """Implements `Encoder`. Calls of tools that run here are not told: clients would try to run them.

    `seal` makes what models want back of their thoughts, for who asks for it. Events up to the number `after` are left
    out, and of a piece that it lies in what the caller has. `completed_at` is when the answer ended (epoch
    milliseconds), where it has.
    """

    content_type = SSE

    def __init__(
        self,
        asked: Asked,
        is_callers: IsCallers,
        seal: Seal | None = None,
        *,
        after: int = -1,
        completed_at: int | None = None,
    ) -> None:
        self._asked, self._is_callers, self._seal = asked, is_callers, seal
        self._after, self._completed_at = after, completed_at
        self._number = -1  # of the last event
        self._answer_id, self._created_at = "", 0
        self._items: list[Item] = []
        self._unsettled = False  # the last item has ended, and nobody was told yet
        self._said: list[str] = []  # of the open part
        self._item_id, self._before_text = "", b""
        self._open("msg", "output_text", content_index=0)  # so that a piece can be told in any case

    def encode(self, batch: Batch) -> bytes:
        if not batch:
            return SSE_KEEP_ALIVE
        return b"".join(
            [self._delta(event.text) if type(event) is TextDelta else self._frame(event) for event in batch]
        )

    def _delta(self, text: str) -> bytes:
        before = self._number
        self._number += len(text)
        self._said.append(text)
        if self._number <= self._after or not text:
            return b""
        if before < self._after:
            text = text[self._after - before :]
        return b'%b%b,"sequence_number":%d}\n\n' % (self._before_text, json_text(text), self._number)

    def _frame(self, event: Event) -> bytes:  # noqa: PLR0911 - a line or two for each kind
        match event:
            case TurnStarted(answer_id=answer_id, created_at=created_at):
                self._answer_id, self._created_at = answer_id, created_at
                self._number, self._items, self._unsettled = -1, [], False  # whatever was said before by another one
                response = self._response("in_progress")
                return self._event("created", response=response) + self._event("in_progress", response=response)
            case TextStarted():
                self._open("msg", "output_text", content_index=0)
                added = self._added(message_item(self._item_id, "in_progress", []))
                return added + self._event("content_part.added", **self._place(content_index=0), part=text_content(""))
            case TextEnded():
                return self._text_done()
            case ReasoningStarted():
                self._open("rs", "reasoning_summary_text", summary_index=0)
                added = self._added(self._thought())
                part = {"type": "summary_text", "text": ""}
                return added + self._event("reasoning_summary_part.added", **self._place(summary_index=0), part=part)
            case ReasoningDelta(text):
                return self._delta(text)
            case ReasoningEnded(_, metadata):
                return self._thought_done(metadata)
            case ToolCalled(call_id, name, args) if self._is_callers(event):
                return self._call(call_id, name, arguments_of(args))
            case TurnFinished():
                return self._finished(event)
            case TurnFailed(error):
                return self._failed(error)
        return b""

    def _open(self, prefix: str, kind: str, **index: int) -> None:
        """The next item, and what stands before each of its pieces."""
        self._said = []
        self._item_id = f"{prefix}_{self._answer_id}_{len(self._items)}"
        if kind:
            kind = f"response.{kind}.delta"
            logprobs: Item = {"logprobs": []} if prefix == "msg" else {}
            head = json_bytes({"type": kind, **self._place(**index), **logprobs})
            self._before_text = b'event: %b\ndata: %b,"delta":' % (kind.encode(), head[:-1])

    def _place(self, **index: int) -> dict[str, Any]:
        return {"item_id": self._item_id, "output_index": len(self._items), **index}

    def _text_done(self) -> bytes:
        text = "".join(self._said)
        place, content = self._place(content_index=0), text_content(text)
        self._items.append(message_item(self._item_id, "completed", [content]))
        self._unsettled = True
        return self._event("output_text.done", **place, text=text, logprobs=[]) + self._event(
            "content_part.done", **place, part=content
        )

    def _settled(self, status: str) -> bytes:
        """The end of a message, as soon as it is known which: another item follows, or the response has ended. A text
        ends whether or not the answer was broken off in it."""
        if not self._unsettled:
            return b""
        self._unsettled = False
        return self._item_done({**self._items[-1], "status": status})

    def _thought(self, *summary: Mapping[str, Any]) -> Item:
        return {"type": "reasoning", "id": self._item_id, "summary": [*summary]}

    def _thought_done(self, metadata: ProviderMetadata | None) -> bytes:
        text, place = "".join(self._said), self._place(summary_index=0)
        part = {"type": "summary_text", "text": text}
        signature = {"encrypted_content": self._seal(metadata)} if metadata and self._seal else {}
        return (
            self._event("reasoning_summary_text.done", **place, text=text)
            + self._event("reasoning_summary_part.done", **place, part=part)
            + self._done({**self._thought(part), **signature})
        )

    def _call(self, call_id: str, name: str, arguments: str) -> bytes:
        self._open("fc", "")
        place = self._place()
        return (
            self._added(call_item(self._item_id, call_id, name, "", "in_progress"))
            + self._event("function_call_arguments.delta", **place, delta=arguments)
            + self._event("function_call_arguments.done", **place, arguments=arguments, name=name)
            + self._done(call_item(self._item_id, call_id, name, arguments, "completed"))
        )

    def _finished(self, event: TurnFinished) -> bytes:
        parts = event.message.parts[self._asked.said_before :]
        output = output_items(self._answer_id, parts, self._is_callers, self._seal)
        reason = incomplete_reason(event.finish_reason)
        status = "incomplete" if reason else "completed"
        ended = None if reason else self._completed_at or int(1000 * time())
        response = self._response(status, output, usage=event.usage, incomplete=reason, completed_at=ended)
        return self._settled(status) + self._event(status, response=response) + _DONE

    def _failed(self, error: ChatError) -> bytes:
        """Told twice: some clients look at the first, some at the second. And told whatever the caller has heard: where
        a worker was killed, that may be more than was kept, and nobody is to take it for the whole."""
        item = self._settled("incomplete")
        self._after = min(self._after, self._number)
        failure = error_body(error)["error"]
        told = {name: failure[name] for name in ("code", "message", "param")}
        status = "cancelled" if error.problem is Problem.STOPPED or self._asked.cancelled else "failed"
        short = {name: failure[name] for name in ("code", "message")}
        first = self._numbered("error", **told, error=failure)
        return item + first + self._event("failed", response=self._response(status, self._items, error=short)) + _DONE

    def _response(self, status: str, output: list[Item] | None = None, **outcome: Any) -> dict[str, Any]:
        return self._asked.response(self._answer_id, self._created_at, status, output or (), **outcome)

    def _added(self, item: Item) -> bytes:
        before = self._settled("completed")
        return before + self._event("output_item.added", output_index=len(self._items), item=item)

    def _done(self, item: Item) -> bytes:
        self._items.append(item)
        return self._item_done(item)

    def _item_done(self, item: Item) -> bytes:
        return self._event("output_item.done", output_index=len(self._items) - 1, item=item)

    def _event(self, kind: str, **fields: Any) -> bytes:
        return self._numbered(f"response.{kind}", **fields)

    def _numbered(self, kind: str, **fields: Any) -> bytes:
        self._number += 1
        if self._number <= self._after:
            return b""
        data = json_bytes({"type": kind, **fields, "sequence_number": self._number})
        return b"event: %b\ndata: %b\n\n" % (kind.encode(), data)
