"""Questions with images, as each API is sent them."""

from typing import Any

import pytest

from app.engine.agent import AnswerOptions
from app.engine.messages import ImagePart, Message, TextPart, text_message
from app.engine.prompt import Prompt
from app.providers.apis.dialogue import IMAGE
from app.testing.provider_apis import AGENT, ANTHROPIC, OPENAI, PROVIDER_APIS, chunks_of

AT = ImagePart("https://example.com/a.png?x=1")
HERE = ImagePart("data:image/png;base64,iVBORw0KGgo=")
OPENAIS = {
    AT: {"type": "image_url", "image_url": {"url": AT.url}},
    HERE: {"type": "image_url", "image_url": {"url": HERE.url}},
}
ANTHROPICS = {
    AT: {"type": "image", "source": {"type": "url", "url": AT.url}},
    HERE: {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "iVBORw0KGgo="}},
}
every_api = pytest.mark.parametrize(("api", "images"), [(OPENAI, OPENAIS), (ANTHROPIC, ANTHROPICS)], ids=repr)


def text(words: str) -> dict[str, Any]:
    return {"type": "text", "text": words}


def asked(*parts: TextPart | ImagePart) -> Message:
    return Message("user", parts)


def sent(upstream, api, *messages: Message, **options: Any) -> list[dict[str, Any]]:
    """The messages that the model's server gets."""
    upstream.play(api.answer("x"))
    chunks_of(api.model(upstream.url, **options), Prompt(AGENT, messages, AnswerOptions()))
    return upstream.requests[0].json["messages"]


@every_api
def test_images_stand_where_they_stood_between_the_texts(upstream, api, images) -> None:
    question = asked(TextPart("Is this"), AT, TextPart("or this"), HERE, HERE, TextPart("a cat?"))
    (message,) = sent(upstream, api, question, images=True)
    assert message["role"] == "user"
    assert message["content"] == [
        *(text("Is this"), images[AT], text("or this")),
        *(images[HERE], images[HERE], text("a cat?")),
    ]


@every_api
def test_a_question_may_be_an_image_alone(upstream, api, images) -> None:
    (message,) = sent(upstream, api, asked(TextPart(" "), HERE), images=True)
    assert message["content"] == [images[HERE]]


def test_how_closely_to_look_is_told_where_the_api_has_a_place_for_it(upstream) -> None:
    question = asked(ImagePart(AT.url, "low"))
    (message,) = sent(upstream, OPENAI, question, images=True)
    assert message["content"] == [{"type": "image_url", "image_url": {"url": AT.url, "detail": "low"}}]
    (message,) = sent(upstream, ANTHROPIC, question, images=True)
    assert message["content"] == [ANTHROPICS[AT]]


@every_api
def test_neighbouring_questions_become_one_with_all_images(upstream, api, images) -> None:
    questions = [asked(TextPart("This?"), AT), text_message("user", "Or"), asked(TextPart("this?"), HERE)]
    (message,) = sent(upstream, api, *questions, images=True)
    assert message["content"] == [text("This?"), images[AT], text("Or\n\nthis?"), images[HERE]]


@every_api
def test_the_same_question_with_another_image_is_another_one(upstream, api, images) -> None:
    one, other = asked(TextPart("This?"), AT), asked(TextPart("This?"), HERE)
    (message,) = sent(upstream, api, one, other, one, images=True)
    assert message["content"] == [text("This?"), images[HERE], text("This?"), images[AT]]


@pytest.mark.parametrize("api", PROVIDER_APIS, ids=repr)
def test_a_model_that_takes_none_is_told_where_there_was_one(upstream, api) -> None:
    messages = [
        asked(TextPart("What is this?"), AT, TextPart("And this?"), HERE),
        text_message("assistant", "A cat."),
        text_message("user", "Sure?"),
    ]
    first, *_ = sent(upstream, api, *messages)
    words = f"What is this?\n\n{IMAGE}\n\nAnd this?\n\n{IMAGE}"
    assert first["content"] in (words, [text(words)])


def test_a_question_without_images_is_a_text_for_servers_that_take_nothing_else(upstream) -> None:
    messages = [
        asked(TextPart("What is this?"), AT),
        text_message("assistant", "A cat."),
        text_message("user", "Sure?"),
    ]
    *_, last = sent(upstream, OPENAI, *messages, images=True)
    assert last == {"role": "user", "content": "Sure?"}
