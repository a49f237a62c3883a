"""Asks with OpenAI's own client."""

import json
from collections.abc import Iterator
from typing import Any

from openai import OpenAI
from telling import FUNCTION, RESULT, failure, flaky, given, limits, tell, until_it_breaks, user

GIVEN = given()
MODEL = "eyes"


def at(key: str, base: str = GIVEN.url, **more: Any) -> OpenAI:
    return OpenAI(api_key=key, base_url=f"{base}/v1", **more)


CLIENT = at(GIVEN.key)
SEEN = [{"type": "text", "text": "look"}, {"type": "image_url", "image_url": {"url": GIVEN.picture}}]


def ask(content: Any, client: OpenAI = CLIENT, **more: Any) -> Any:
    return client.chat.completions.create(**{"model": MODEL, "messages": [user(content)], **more})


def read(completion: Any) -> dict[str, Any]:
    (choice,), usage = completion.choices, completion.usage
    return {
        "text": choice.message.content,
        "reason": choice.finish_reason,
        "usage": [usage.prompt_tokens, usage.completion_tokens],
    }


def streamed() -> dict[str, Any]:
    told: dict[str, Any] = {"pieces": []}
    for chunk in ask("greet", stream=True, stream_options={"include_usage": True}):
        for choice in chunk.choices:
            told["pieces"] += [choice.delta.content] if choice.delta.content else []
            told["reason"] = choice.finish_reason
        if chunk.usage:
            told["usage"] = [chunk.usage.prompt_tokens, chunk.usage.completion_tokens]
    return told


def helped() -> Any:
    with CLIENT.chat.completions.stream(model=MODEL, messages=[user("weather")], tools=[FUNCTION]) as stream:
        return stream.get_final_completion()


def called(completion: Any) -> dict[str, Any]:
    (choice,) = completion.choices
    (call,) = choice.message.tool_calls
    posted = [user("weather"), choice.message, {"role": "tool", "tool_call_id": call.id, "content": RESULT}]
    answer = ask("", messages=posted, tools=[FUNCTION])
    calls = [[call.function.name, json.loads(call.function.arguments)]]
    return {"calls": calls, "reason": choice.finish_reason, "answer": answer.choices[0].message.content}


def broken() -> Iterator[str]:
    for chunk in ask("break", stream=True):
        yield chunk.choices[0].delta.content


partly: list[str] = []
tell(
    whole=read(ask("", messages=[{"role": "system", "content": "Be brief."}, user("greet")])),
    streamed=streamed(),
    tool=called(ask("weather", tools=[FUNCTION])),
    toolStreamed=called(helped()),
    own=read(ask("sum"))["text"],
    models=[model.id for model in CLIENT.models.list()],
    retrieved=CLIENT.models.retrieve(MODEL).id,
    image=read(ask(SEEN))["text"],
    retried=read(ask(flaky()))["text"],
    errors={
        "key": failure(lambda: ask("greet", at("nope"))),
        "model": failure(lambda: ask("greet", model="nope")),
        "retrieved": failure(lambda: CLIENT.models.retrieve("nope")),
        "request": failure(lambda: ask("greet", n=2)),
        "image": failure(lambda: ask(SEEN, model="blind")),
        "unpaid": failure(lambda: ask("greet", at(GIVEN.unpaid))),
        "broken": failure(until_it_breaks(broken, partly)),
    },
    partly="".join(partly),
    limits=limits(lambda retries: ask("greet", at(GIVEN.limitedKey, GIVEN.limited, max_retries=retries))),
)
