"""Templates are filled in by a process of their own; tests/slow has those that would take all time or memory."""

from typing import Any

import pytest
from gevent.event import Event

from app.workflows.templates.language import MOST_OUTPUT, Template, TemplateError
from app.workflows.templates.rendering import MOST_BYTES, TemplateFiller


def filled(texts: TemplateFiller, *arguments: Any) -> list[str]:
    """The value behind the empty batches."""
    waiting = texts.fill(*arguments)
    while True:
        try:
            assert next(waiting) == ()
        except StopIteration as end:
            value: list[str] = end.value
            return value


def test_texts_come_in_the_order_of_their_templates_and_with_what_they_look_at() -> None:
    steps = {"a": {"result": "A", "error": None}, "large": {"result": "x" * (MOST_BYTES + 1), "error": None}}
    templates = [Template(source) for source in ("{{ input }}", "plain", "{{ steps.a.result }}", "{# #}too")]
    texts = TemplateFiller("me", Event(), 1)
    assert filled(texts, templates, {"input": "I", "steps": steps}) == ["I", "plain", "A", "too"]
    assert filled(texts, [Template("x" * 10)], {"input": "", "steps": steps}) == ["x" * 10]
    with pytest.raises(TemplateError, match="look at more than"):
        filled(texts, [Template("{{ steps.large.result | length }}")], {"input": "", "steps": steps})
    with pytest.raises(TemplateError, match="no JSON"):
        filled(texts, [Template("{{ input }}")], {"input": "half: \ud800", "steps": {}})


def test_as_much_as_may_be_made_comes_back_whole() -> None:
    text = "\x01é😀" * (MOST_OUTPUT // 3)
    assert filled(TemplateFiller("me", Event(), 1), [Template("{{ input }}")], {"input": text, "steps": {}}) == [text]
