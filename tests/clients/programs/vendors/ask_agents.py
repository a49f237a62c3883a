"""Asks with OpenAI's Agents SDK, by one of its models: `python ask_agents.py GIVEN openai|responses`. The tool runs
in its loop."""

import asyncio
import json
import sys
from typing import Any

from agents import (
    Agent,
    ModelSettings,
    OpenAIChatCompletionsModel,
    OpenAIResponsesModel,
    Runner,
    function_tool,
    set_tracing_disabled,
)
from openai import AsyncOpenAI
from telling import RESULT, failure, flaky, given, limits, tell, user

GIVEN = given()
SPOKEN = OpenAIResponsesModel if sys.argv[2] == "responses" else OpenAIChatCompletionsModel
MODEL = "eyes"
PICTURE = {"type": "input_image", "image_url": GIVEN.picture, "detail": "auto"}
SEEN = [user([{"type": "input_text", "text": "look"}, PICTURE])]
LOOP = asyncio.Runner()
set_tracing_disabled(True)


@function_tool
def get_weather(city: str) -> str:  # noqa: ARG001 - the tool's schema
    """How the weather is."""
    return RESULT


def agent(model: str = MODEL, key: str = GIVEN.key, base: str = GIVEN.url, **more: Any) -> Agent[None]:
    client = AsyncOpenAI(api_key=key, base_url=f"{base}/v1", **more)
    chosen = SPOKEN(model=model, openai_client=client)
    settings = ModelSettings(include_usage=True)  # which it asks of other servers than OpenAI's only if it is told to
    return Agent("Helper", instructions="Be brief.", model=chosen, tools=[get_weather], model_settings=settings)


def run(asked: Any, of: Agent[None] | None = None) -> Any:
    return LOOP.run(Runner.run(of or agent(), asked))


def read(result: Any) -> dict[str, Any]:
    usage = result.context_wrapper.usage
    return {"text": result.final_output, "usage": [usage.input_tokens, usage.output_tokens]}


def called(result: Any) -> dict[str, Any]:
    calls = [item.raw_item for item in result.new_items if item.type == "tool_call_item"]
    return {"calls": [[call.name, json.loads(call.arguments)] for call in calls], "answer": result.final_output}


async def _streamed(asked: str, pieces: list[str]) -> Any:
    result = Runner.run_streamed(agent(), asked)
    async for event in result.stream_events():
        if event.type == "raw_response_event" and event.data.type == "response.output_text.delta":
            pieces += [event.data.delta]
    return result


def streamed(asked: str, pieces: list[str]) -> Any:
    return LOOP.run(_streamed(asked, pieces))


pieces: list[str] = []
partly: list[str] = []
tell(
    whole=read(run("greet")),
    streamed={**read(streamed("greet", pieces)), "pieces": pieces},
    tool=called(run("weather")),
    toolStreamed=called(streamed("weather", [])),
    own=read(run("sum"))["text"],
    image=read(run(SEEN))["text"],
    retried=read(run(flaky()))["text"],
    errors={
        "key": failure(lambda: run("greet", agent(key="nope"))),
        "model": failure(lambda: run("greet", agent("nope"))),
        "image": failure(lambda: run(SEEN, agent("blind"))),
        "unpaid": failure(lambda: run("greet", agent(key=GIVEN.unpaid))),
        "broken": failure(lambda: streamed("break", partly)),
    },
    partly="".join(partly),
    limits=limits(lambda retries: run("greet", agent(MODEL, GIVEN.limitedKey, GIVEN.limited, max_retries=retries))),
)
