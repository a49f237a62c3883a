"""What a question needs of a model that not every model has. A model without it is not asked: what it left out would be
missing without a word."""

from collections.abc import Sequence
from typing import Literal

from app.engine.agent import AnswerOptions
from app.engine.messages import ImagePart, Message

Need = Literal["images", "stop", "schema", "json", "calls"]
"""Images in the question; texts that end the answer; an answer that fits a JSON schema, or is some JSON object; a call
in any case."""


def needs_of(messages: Sequence[Message], options: AnswerOptions) -> frozenset[Need]:
    """`messages` are the new ones: images in earlier ones are left to the model."""
    needs: set[Need] = set()
    if any(isinstance(part, ImagePart) for message in messages for part in message.parts):
        needs.add("images")
    if options.stop:
        needs.add("stop")
    if options.format:
        needs.add("json" if options.format.schema is None else "schema")
    if options.tool_choice.kind == "required":
        needs.add("calls")
    return frozenset(needs)
