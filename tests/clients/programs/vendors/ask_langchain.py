"""Asks with LangChain, over one wire or another: `python ask_langchain.py GIVEN openai|responses|anthropic`."""

import sys
from collections.abc import Iterator
from typing import Any

from langchain_anthropic import ChatAnthropic
from langchain_core.messages import HumanMessage, SystemMessage, ToolMessage
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI
from telling import RESULT, failure, flaky, given, limits, tell, until_it_breaks

GIVEN = given()
WIRE = sys.argv[2]
MODEL = "claude" if WIRE == "anthropic" else "eyes"


def at(model: str = MODEL, key: str = GIVEN.key, base: str = GIVEN.url, **more: Any) -> Any:
    if WIRE == "responses":
        return ChatOpenAI(model=model, api_key=key, base_url=f"{base}/v1", use_responses_api=True, **more)
    if WIRE == "openai":
        return ChatOpenAI(model=model, api_key=key, base_url=f"{base}/v1", stream_usage=True, **more)
    return ChatAnthropic(model=model, api_key=key, base_url=base, max_tokens=4096, **more)


@tool
def get_weather(city: str) -> str:  # noqa: ARG001 - the tool's schema
    """How the weather is."""
    return RESULT


CLIENT = at()
PICTURE = {"type": "image", "base64": GIVEN.image, "mime_type": "image/png"}
SEEN = [HumanMessage([{"type": "text", "text": "look"}, PICTURE])]


def read(message: Any) -> dict[str, Any]:
    told, usage = message.response_metadata, message.usage_metadata
    reason = told.get("finish_reason") or told.get("stop_reason") or told.get("status")
    return {"text": message.text, "reason": reason, "usage": [usage["input_tokens"], usage["output_tokens"]]}


def streamed() -> dict[str, Any]:
    pieces, whole = [], None
    for chunk in CLIENT.stream("greet"):
        pieces += [chunk.text] if chunk.text else []
        whole = chunk if whole is None else whole + chunk
    told = read(whole)
    return {"pieces": pieces, "reason": told["reason"], "usage": told["usage"]}


def gathered(model: Any, word: str) -> Any:
    whole = None
    for chunk in model.stream(word):
        whole = chunk if whole is None else whole + chunk
    return whole


def called(word: str, message: Any, model: Any) -> dict[str, Any]:
    (call,) = message.tool_calls
    result = ToolMessage(get_weather.invoke(call["args"]), tool_call_id=call["id"])
    answer = model.invoke([HumanMessage(word), message, result])
    return {"calls": [[call["name"], call["args"]]], "reason": read(message)["reason"], "answer": answer.text}


def thoughts() -> dict[str, Any]:
    if WIRE != "anthropic":
        return {}
    model = at(thinking={"type": "enabled", "budget_tokens": 1024}).bind_tools([get_weather])
    whole, parts = model.invoke("think"), gathered(model, "think")
    return {
        "thought": [whole.content[0]["thinking"], called("think", whole, model)],
        "thoughtStreamed": [parts.content[0]["thinking"], called("think", parts, model)],
    }


def broken() -> Iterator[str]:
    for chunk in CLIENT.stream("break"):
        yield chunk.text


partly: list[str] = []
with_tool = CLIENT.bind_tools([get_weather])
tell(
    whole=read(CLIENT.invoke([SystemMessage("Be brief."), HumanMessage("greet")])),
    streamed=streamed(),
    tool=called("weather", with_tool.invoke("weather"), with_tool),
    toolStreamed=called("weather", gathered(with_tool, "weather"), with_tool),
    **thoughts(),
    own=CLIENT.invoke("sum").text,
    image=CLIENT.invoke(SEEN).text,
    retried=CLIENT.invoke(flaky()).text,
    errors={
        "key": failure(lambda: at(key="nope").invoke("greet")),
        "model": failure(lambda: at("nope").invoke("greet")),
        "request": failure(lambda: at(top_p=7).invoke("greet")),
        "image": failure(lambda: at("blind").invoke(SEEN)),
        "unpaid": failure(lambda: at(key=GIVEN.unpaid).invoke("greet")),
        "broken": failure(until_it_breaks(broken, partly)),
    },
    partly="".join(partly),
    limits=limits(lambda retries: at(MODEL, GIVEN.limitedKey, GIVEN.limited, max_retries=retries).invoke("greet")),
)
