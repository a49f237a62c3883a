"""Asks with LiteLLM, which reads both APIs with code of its own: `python ask_litellm.py GIVEN openai|anthropic`.

`max_retries` are those of OpenAI's own client. On Anthropic's API there is `num_retries` alone (1.110.2): it asks again
whatever the failure, 401 and 402 too, at once, and knows nothing of Retry-After. So it is told to only where that can
help, and to wait.
"""

import json
import os
import sys
from collections.abc import Iterator
from typing import Any

os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "true"  # else it asks GitHub for prices when it is imported

import litellm
from telling import FUNCTION, RESULT, failure, flaky, given, limits, tell, until_it_breaks, user

GIVEN = given()
WIRE = sys.argv[2]
MODEL = "eyes" if WIRE == "openai" else "claude"
SEEN = [{"type": "text", "text": "look"}, {"type": "image_url", "image_url": {"url": GIVEN.picture}}]
litellm.suppress_debug_info = True


def ask(
    content: Any,
    model: str = MODEL,
    key: str = GIVEN.key,
    base: str = GIVEN.url,
    retries: int | None = None,
    **more: Any,
) -> Any:
    url = f"{base}/v1" if WIRE == "openai" else base
    asked = {"messages": [user(content)], "max_tokens": 4096, **more}
    again: dict[str, Any] = {}
    if retries is not None and WIRE == "openai":
        again = {"max_retries": retries}
    elif retries:
        again = {"num_retries": retries, "retry_strategy": "exponential_backoff_retry"}
    return litellm.completion(f"{WIRE}/{model}", api_key=key, api_base=url, **again, **asked)


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
            told["reason"] = choice.finish_reason or told.get("reason")
        if getattr(chunk, "usage", None):
            told["usage"] = [chunk.usage.prompt_tokens, chunk.usage.completion_tokens]
    return told


def called(word: str, completion: Any, **more: Any) -> dict[str, Any]:
    (choice,) = completion.choices
    (call,) = choice.message.tool_calls
    posted = [user(word), choice.message, {"role": "tool", "tool_call_id": call.id, "content": RESULT}]
    answer = ask("", messages=posted, tools=[FUNCTION], **more)
    calls = [[call.function.name, json.loads(call.function.arguments)]]
    return {"calls": calls, "reason": choice.finish_reason, "answer": answer.choices[0].message.content}


def gathered(word: str, **more: Any) -> Any:
    return litellm.stream_chunk_builder(list(ask(word, stream=True, tools=[FUNCTION], **more)))


def thoughts() -> dict[str, Any]:
    if WIRE == "openai":
        return {}
    budget = {"type": "enabled", "budget_tokens": 1024}
    thinking = {"thinking": budget, "allowed_openai_params": ["thinking"]}  # it knows no model of the name
    whole, parts = ask("think", tools=[FUNCTION], **thinking), gathered("think", **thinking)
    told = [
        [each.choices[0].message.thinking_blocks[0]["thinking"], called("think", each, **thinking)]
        for each in (whole, parts)
    ]
    return {"thought": told[0], "thoughtStreamed": told[1]}


def broken() -> Iterator[str]:
    for chunk in ask("break", stream=True):
        yield chunk.choices[0].delta.content


partly: list[str] = []
tell(
    whole=read(ask("", messages=[{"role": "system", "content": "Be brief."}, user("greet")])),
    streamed=streamed(),
    tool=called("weather", ask("weather", tools=[FUNCTION])),
    toolStreamed=called("weather", gathered("weather")),
    **thoughts(),
    own=read(ask("sum"))["text"],
    image=read(ask(SEEN))["text"],
    retried=read(ask(flaky(), retries=2))["text"],
    errors={
        "key": failure(lambda: ask("greet", key="nope")),
        "model": failure(lambda: ask("greet", "nope")),
        "request": failure(lambda: ask("greet", top_p=7)),
        "image": failure(lambda: ask(SEEN, "blind")),
        "unpaid": failure(lambda: ask("greet", key=GIVEN.unpaid)),
        "broken": failure(until_it_breaks(broken, partly)),
    },
    partly="".join(partly),
    limits=limits(lambda retries: ask("greet", MODEL, GIVEN.limitedKey, GIVEN.limited, retries)),
)
