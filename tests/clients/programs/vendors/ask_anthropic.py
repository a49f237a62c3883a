"""Asks with Anthropic's own client, of this major or the one before."""

from collections.abc import Iterator
from typing import Any

from anthropic import Anthropic
from telling import CITY, RESULT, failure, flaky, given, limits, tell, until_it_breaks, user

GIVEN = given()
MODEL = "claude"
TOOL = {"name": "get_weather", "input_schema": CITY}
THINKING = {"type": "enabled", "budget_tokens": 1024}


def at(key: str, base: str = GIVEN.url, **more: Any) -> Anthropic:
    return Anthropic(api_key=key, base_url=base, **more)


CLIENT = at(GIVEN.key)
PICTURE = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": GIVEN.image}}
SEEN = [{"type": "text", "text": "look"}, PICTURE]


def asked(content: Any, **more: Any) -> dict[str, Any]:
    return {"model": MODEL, "max_tokens": 4096, "messages": [user(content)], **more}


def ask(content: Any, client: Anthropic = CLIENT, **more: Any) -> Any:
    return client.messages.create(**asked(content, **more))


def said(message: Any) -> str:
    return "".join(block.text for block in message.content if block.type == "text")


def read(message: Any) -> dict[str, Any]:
    usage = [message.usage.input_tokens, message.usage.output_tokens]
    return {"text": said(message), "reason": message.stop_reason, "usage": usage}


def streamed() -> dict[str, Any]:
    with CLIENT.messages.stream(**asked("greet")) as stream:
        pieces = list(stream.text_stream)
        told = read(stream.get_final_message())
    return {"pieces": pieces, "reason": told["reason"], "usage": told["usage"]}


def helped(content: str, **more: Any) -> Any:
    with CLIENT.messages.stream(**asked(content, tools=[TOOL], **more)) as stream:
        return stream.get_final_message()


def called(word: str, message: Any, **more: Any) -> dict[str, Any]:
    (call,) = (block for block in message.content if block.type == "tool_use")
    result = {"type": "tool_result", "tool_use_id": call.id, "content": RESULT}
    posted = [user(word), {"role": "assistant", "content": message.content}, user([result])]
    answer = ask("", messages=posted, tools=[TOOL], **more)
    return {"calls": [[call.name, call.input]], "reason": message.stop_reason, "answer": said(answer)}


def thought(message: Any) -> list[Any]:
    return [message.content[0].thinking, called("think", message, thinking=THINKING)]


def broken() -> Iterator[str]:
    for event in ask("break", stream=True):
        if event.type == "content_block_delta":
            yield event.delta.text


failure(lambda: ask("mirror", at(GIVEN.key, GIVEN.mirror, max_retries=0)))
partly: list[str] = []
tell(
    whole=read(ask("greet", system="Be brief.")),
    streamed=streamed(),
    tool=called("weather", ask("weather", tools=[TOOL])),
    toolStreamed=called("weather", helped("weather")),
    thought=thought(ask("think", tools=[TOOL], thinking=THINKING)),
    thoughtStreamed=thought(helped("think", thinking=THINKING)),
    own=said(ask("sum")),
    counted=CLIENT.messages.count_tokens(model=MODEL, messages=[user("greet")]).input_tokens,
    models=[model.id for model in CLIENT.models.list()],
    retrieved=CLIENT.models.retrieve(MODEL).id,
    image=said(ask(SEEN)),
    retried=said(ask(flaky())),
    errors={
        "key": failure(lambda: ask("greet", at("nope"))),
        "model": failure(lambda: ask("greet", model="nope")),
        "retrieved": failure(lambda: CLIENT.models.retrieve("nope")),
        "request": failure(lambda: ask("greet", extra_body={"top_p": 7})),
        "image": failure(lambda: ask(SEEN, model="blind")),
        "unpaid": failure(lambda: ask("greet", at(GIVEN.unpaid))),
        "broken": failure(until_it_breaks(broken, partly)),
    },
    partly="".join(partly),
    limits=limits(lambda retries: ask("greet", at(GIVEN.limitedKey, GIVEN.limited, max_retries=retries))),
)
