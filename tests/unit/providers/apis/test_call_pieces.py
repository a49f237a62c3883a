"""Tool calls as servers with OpenAI's API are reported to send them: what calls are made of the pieces."""

from typing import Any

import pytest

from app.engine.errors import ModelError
from app.engine.events import ToolCalled
from app.providers.apis.call_pieces import CallPieces
from app.providers.apis.tool_calls import MOST_CALLS, MOST_WORD

TOOLS = ("clock", "calculator", "get", "get_weather")
ZONE_A, ZONE_B, SUM = '{"zone":"A"}', '{"zone":"B"}', '{"sum":"1+1"}'


def piece(index: Any = None, call_id: Any = None, name: Any = None, arguments: Any = None) -> dict[str, Any]:
    function = {"name": name, "arguments": arguments}
    made = {"index": index, "id": call_id, "type": "function"}
    made["function"] = {key: value for key, value in function.items() if value is not None}
    return {key: value for key, value in made.items() if value is not None}


CLOCK_A, CLOCK_B = ToolCalled("a", "clock", {"zone": "A"}), ToolCalled("b", "clock", {"zone": "B"})
SUM_B = ToolCalled("b", "calculator", {"sum": "1+1"})
NO_ID_A, NO_ID_B = ToolCalled("call_0", "clock", {"zone": "A"}), ToolCalled("call_1", "clock", {"zone": "B"})

# name: where it is reported, the pieces, the calls
SHAPES: dict[str, tuple[str, list[Any], list[ToolCalled]]] = {
    "one call in pieces": (
        "OpenAI's API reference, Streaming",
        [piece(0, "a", "clock", ""), piece(0, arguments='{"zo'), piece(0, arguments='ne":"A"}')],
        [CLOCK_A],
    ),
    "two calls with their pieces mixed": (
        "QwenLM/Qwen-Agent#943",
        [
            *(piece(1, "b", "clock"), piece(0, "a", "clock"), piece(1, arguments='{"zone"')),
            *(piece(0, arguments=ZONE_A), piece(1, arguments=':"B"}')),
        ],
        [CLOCK_A, CLOCK_B],
    ),
    "an id and a name in deltas of their own": (
        "anomalyco/opencode#26433: a name that is null at first",
        [piece(0, "a"), piece(0, name="clock", arguments=ZONE_A)],
        [CLOCK_A],
    ),
    "an empty name first": (
        "vercel/ai#16507: Command A on vLLM",
        [piece(0, "a", "", '{"zone"'), piece(0, "", "clock", ':"A"}')],
        [CLOCK_A],
    ),
    "arguments before the name": (
        "anomalyco/opencode#24137",
        [piece(0, "a", None, ZONE_A), piece(0, name="clock")],
        [CLOCK_A],
    ),
    "the word null as the name of later pieces": (
        "BerriAI/litellm#12513",
        [piece(0, "a", "clock", '{"zone":'), piece(0, "", "null", '"A"}')],
        [CLOCK_A],
    ),
    "all numbered 0, an id each": (
        "InternLM/lmdeploy#3412: vLLM; langchain-ai/langchain#35281",
        [
            *(piece(0, "a", "clock", ""), piece(0, "", None, '{"zone"'), piece(0, "", None, ':"A"}')),
            *(piece(0, "b", "clock", ""), piece(0, "", None, ZONE_B)),
        ],
        [CLOCK_A, CLOCK_B],
    ),
    "all numbered 0, an id each, in each piece": (
        "InternLM/lmdeploy#3412: SGLang",
        [
            *(piece(0, "a", "clock", ""), piece(0, "a", None, ZONE_A)),
            *(piece(0, "b", "calculator", ""), piece(0, "b", None, SUM)),
        ],
        [CLOCK_A, SUM_B],
    ),
    "all numbered 0, an id each, pieces mixed": (
        "mozilla-ai/any-llm#1305",
        [
            *(piece(0, "a", "clock", ""), piece(0, "b", "clock", ""), piece(0, "a", None, '{"zone"')),
            *(piece(0, "b", None, ZONE_B), piece(0, "a", None, ':"A"}')),
        ],
        [CLOCK_A, CLOCK_B],
    ),
    "all numbered 0, whole": (
        "oracle/langchain-oracle#108: Grok",
        [piece(0, "a", "clock", ZONE_A), piece(0, "b", "clock", ZONE_B)],
        [CLOCK_A, CLOCK_B],
    ),
    "all numbered -1, arguments an object": (
        "zai-org/GLM-4.5#17",
        [piece(-1, "a", "clock", {"zone": "A"}), piece(-1, "b", "clock", {"zone": "B"})],
        [CLOCK_A, CLOCK_B],
    ),
    "all numbered 0, ids in deltas of their own": (
        "camel-ai/camel#3662",
        [piece(0, "a"), piece(0, name="clock", arguments=ZONE_A), piece(0, "b"), piece(0, None, "calculator", SUM)],
        [CLOCK_A, SUM_B],
    ),
    "all numbered 0, without ids": (
        "vllm-project/vllm#18412: no ids where it streams",
        [piece(0, None, "clock", ZONE_A), piece(0, None, "calculator", '{"sum"'), piece(0, None, None, ':"1+1"}')],
        [NO_ID_A, ToolCalled("call_1", "calculator", {"sum": "1+1"})],
    ),
    "all numbered 0, without ids, one tool twice": (
        "camel-ai/camel#3662: new payload after completion",
        [piece(0, None, "clock", ZONE_A), piece(0, None, "clock", '{"zone"'), piece(0, None, None, ':"B"}')],
        [NO_ID_A, NO_ID_B],
    ),
    "all numbered 0, without ids, the first without arguments": (
        "vllm-project/vllm#18412",
        [piece(0, None, "clock"), piece(0, None, "calculator", SUM)],
        [ToolCalled("call_0", "clock", {}), ToolCalled("call_1", "calculator", {"sum": "1+1"})],
    ),
    "one number, one name, several arguments": (
        "endolith/open-interpreter#315: {…}{…}",
        [piece(0, "a", "clock", ""), piece(0, arguments=ZONE_A), piece(0, arguments=ZONE_B)],
        [CLOCK_A, NO_ID_B],
    ),
    "no numbers, whole": (
        "openai/openai-python#2806: Gemini's endpoint",
        [piece(None, "a", "clock", ZONE_A), piece(None, "b", "clock", ZONE_B)],
        [CLOCK_A, CLOCK_B],
    ),
    "no numbers, in pieces": (
        "open-webui/computer#224: Gemini's endpoint",
        [
            *(piece(None, "a", "clock"), piece(arguments='{"zone"'), piece(arguments=':"A"}')),
            *(piece(None, "b", "clock"), piece(arguments=ZONE_B)),
        ],
        [CLOCK_A, CLOCK_B],
    ),
    "no numbers, ids with each piece, mixed": (
        "SamSaffron/term-llm#314",
        [
            *(piece(None, "a", "clock"), piece(None, "b", "clock")),
            *(piece(None, "a", None, ZONE_A), piece(None, "b", None, ZONE_B)),
        ],
        [CLOCK_A, CLOCK_B],
    ),
    "neither numbers nor ids, whole": (
        "SamSaffron/term-llm#314",
        [piece(None, "", "clock", ZONE_A), piece(None, "", "clock", ZONE_B)],
        [NO_ID_A, NO_ID_B],
    ),
    "neither numbers nor ids, in pieces, the name in each": (
        "NousResearch/hermes-agent#11984, openai/openai-python#2806",
        [piece(None, None, "clock", '{"zone"'), piece(None, None, "clock", ':"A"}')],
        [NO_ID_A],
    ),
    "one id for all calls": (
        "can1357/oh-my-pi#2055: MiMo, Kimi behind proxies",
        [
            *(piece(0, "a", "clock", ""), piece(1, "a", "clock", ""), piece(0, "a", None, ZONE_A)),
            piece(1, "a", None, ZONE_B),
        ],
        [CLOCK_A, ToolCalled("a", "clock", {"zone": "B"})],
    ),
    "one id for all calls, and one number": (
        "can1357/oh-my-pi#2055",
        [piece(0, "a", "clock", ZONE_A), piece(0, "a", "calculator", SUM)],
        [CLOCK_A, ToolCalled("a", "calculator", {"sum": "1+1"})],
    ),
    "another id with each piece": (
        "vllm-project/vllm#23522: gpt-oss",
        [piece(0, "a", "clock", ""), piece(0, "x", "clock", '{"zone"'), piece(0, "y", "clock", ':"A"}')],
        [CLOCK_A],
    ),
    "another id with each piece, the name once": (
        "cubist38/mlx-openai-server#216",
        [piece(0, "a", "clock", ""), piece(0, "x", None, '{"zone"'), piece(0, "y", None, ':"A"}')],
        [CLOCK_A],
    ),
    "another id and number with each piece": (
        "cubist38/mlx-openai-server#216",
        [piece(0, "a", "clock", ""), piece(1, "x", None, '{"zone"'), piece(2, "y", None, ':"A"}')],
        [CLOCK_A],
    ),
    "another number with each piece": (
        "sgl-project/sglang#6310: the first number is the tool's",
        [piece(3, "a", "clock", ""), piece(0, None, None, '{"zone"'), piece(0, None, None, ':"A"}')],
        [CLOCK_A],
    ),
    "another number with each piece, one id": (
        "sgl-project/sglang#6310",
        [piece(3, "a", "clock", ""), piece(0, "a", None, '{"zone"'), piece(1, "a", "clock", ':"A"}')],
        [CLOCK_A],
    ),
    "the name in each piece": (
        "NousResearch/hermes-agent#11984: MiniMax at NVIDIA",
        [piece(0, "a", "clock", ""), piece(0, None, "clock", '{"zone"'), piece(0, None, "clock", ':"A"}')],
        [CLOCK_A],
    ),
    "all in each piece": (
        "vllm-project/vllm#44098: GLM",
        [piece(0, "a", "clock", ""), piece(0, "a", "clock", '{"zone":'), piece(0, "a", "clock", '"A"}')],
        [CLOCK_A],
    ),
    "a name in pieces": (
        "openai/openai-agents-python#326",
        [piece(0, "a", "calc"), piece(0, None, "ula"), piece(0, None, "tor", SUM)],
        [ToolCalled("a", "calculator", {"sum": "1+1"})],
    ),
    "a name in pieces, the first a tool's": (
        "openai/openai-agents-python#326",
        [piece(0, "a", "get"), piece(0, None, "_weather", ZONE_A)],
        [ToolCalled("a", "get_weather", {"zone": "A"})],
    ),
    "a name in pieces, the id with the second": (
        "openai/openai-agents-python#326",
        [piece(0, None, "clo"), piece(0, "a", "ck", ZONE_A)],
        [CLOCK_A],
    ),
    "the name so far in each piece": (
        "openai/openai-agents-python#326",
        [piece(0, "a", "calc"), piece(0, "a", "calculator", SUM)],
        [ToolCalled("a", "calculator", {"sum": "1+1"})],
    ),
    "a name of no tool in pieces": (
        "openai/openai-agents-python#326",
        [piece(0, "a", "search_"), piece(0, None, "web", "{}")],
        [ToolCalled("a", "search_web", {})],
    ),
    "{} in front": (
        "openai/openai-agents-js#712: Bedrock",
        [piece(0, "a", "clock", "{}"), piece(0, None, None, '{"zone"'), piece(0, None, None, ':"A"}')],
        [CLOCK_A],
    ),
    "{} in front, id and name again": (
        "openai/openai-agents-js#712, vllm-project/vllm#44098",
        [piece(0, "a", "clock", "{}"), piece(0, "a", "clock", ZONE_A)],
        [CLOCK_A],
    ),
    "{} in front of another id": (
        "openai/openai-agents-js#712, vllm-project/vllm#23522",
        [piece(0, "a", "clock", "{}"), piece(0, "x", None, ZONE_A)],
        [CLOCK_A],
    ),
    "an object and then its JSON": (
        "ggml-org/llama.cpp#20198",
        [piece(0, "a", "clock", {}), piece(0, None, None, ZONE_A)],
        [CLOCK_A],
    ),
    "the arguments once more at the end": (
        "lidge-jun/opencodex#361",
        [
            *(piece(0, "a", "clock", ""), piece(0, arguments='{"zone"'), piece(0, arguments=':"A"}')),
            piece(0, arguments=ZONE_A),
        ],
        [CLOCK_A],
    ),
    "all once more at the end": (
        "vllm-project/vllm#31438",
        [piece(0, "a", "clock", ""), piece(0, arguments=ZONE_A), piece(0, "a", "clock", ZONE_A)],
        [CLOCK_A],
    ),
    "all but the id once more at the end": (
        "vllm-project/vllm#31438",
        [piece(0, "a", "clock", ""), piece(0, arguments=ZONE_A), piece(0, None, "clock", ZONE_A)],
        [CLOCK_A],
    ),
    "both calls once more at the end": (
        "anthropics/anthropic-sdk-csharp#53",
        [
            *(piece(0, "a", "clock", ZONE_A), piece(1, "b", "calculator", SUM)),
            *(piece(0, "a", "clock", ZONE_A), piece(1, "b", "calculator", SUM)),
        ],
        [CLOCK_A, SUM_B],
    ),
    "an empty piece at the end, of another id": (
        "cubist38/mlx-openai-server#216",
        [piece(0, "a", "clock", ZONE_A), piece(0, "x", None, "")],
        [CLOCK_A],
    ),
    "the arguments so far in each piece": (
        "swuecho/chat#687: cumulative deltas",
        [piece(0, "a", "clock", '{"zo'), piece(0, arguments='{"zone":"'), piece(0, arguments=ZONE_A)],
        [CLOCK_A],
    ),
    "JSON in JSON": (
        "FoundationAgents/OpenManus#989: Qwen",
        [piece(0, "a", "clock", '"{\\"zone\\":\\"A\\"}"')],
        [CLOCK_A],
    ),
    "JSON in JSON, in pieces": (
        "MoonshotAI/kimi-cli#2513",
        [piece(0, "a", "clock", '"{\\"zone\\"'), piece(0, arguments=':\\"A\\"}"')],
        [CLOCK_A],
    ),
    "arguments that are an object": (
        "ggml-org/llama.cpp#20198, huggingface/text-generation-inference#2136",
        [piece(0, "a", "clock", {"zone": "A"})],
        [CLOCK_A],
    ),
    "arguments that are null": (
        "langchain-ai/langchain#34242",
        [{"index": 0, "id": "a", "function": {"name": "clock", "arguments": None}}, piece(1, "b", "clock", "null")],
        [ToolCalled("a", "clock", {}), ToolCalled("b", "clock", {})],
    ),
    "arguments that are empty": (
        "openai/openai-agents-js#664, sigoden/aichat#1217",
        [piece(0, "a", "clock", ""), piece(1, "b", "clock", [])],
        [ToolCalled("a", "clock", {}), ToolCalled("b", "clock", {})],
    ),
    "arguments that are no JSON": (
        "sgl-project/sglang#36339",
        [piece(0, "a", "clock", "{zone}")],
        [ToolCalled("a", "clock", {"malformed_arguments": "{zone}"})],
    ),
    "whole calls in one event": (
        "ollama/ollama#7963",
        [[piece(0, "a", "clock", ZONE_A), piece(1, "b", "calculator", SUM)]],
        [CLOCK_A, SUM_B],
    ),
    "one call that is no list": (
        "huggingface/text-generation-inference#2949",
        [{"index": 0, "id": "a", "function": {"name": "clock", "arguments": ZONE_A}}],
        [CLOCK_A],
    ),
    "no object `function`": (
        "ollama/ollama#6155: shapes of older servers",
        [{"index": 0, "id": "a", "name": "clock", "arguments": {"zone": "A"}}],
        [CLOCK_A],
    ),
    "a number that is a text": (
        "labring/FastGPT#5811: numbers of other kinds",
        [
            *(piece("0", "a", "clock"), piece("1", "b", "clock")),
            *(piece("0", arguments=ZONE_A), piece("1", arguments=ZONE_B)),
        ],
        [CLOCK_A, CLOCK_B],
    ),
    "a number that is none": (
        "labring/FastGPT#5811",
        [piece("first", "a", "clock"), piece([], None, None, ZONE_A)],
        [CLOCK_A],
    ),
    "an id that is a number": (
        "huggingface/text-generation-inference#2136: id 0",
        [piece(0, 7, "clock"), piece(0, 7, None, ZONE_A)],
        [ToolCalled("7", "clock", {"zone": "A"})],
    ),
    "a call of nothing": (
        "vllm-project/vllm#31438: an empty delta at the finish",
        [piece(0, "a", "", ""), None, {}],
        [],
    ),
    "arguments of no call": (
        "vllm-project/vllm#31438: a delta without id, type and name",
        [piece(None, None, None, ZONE_A)],
        [ToolCalled("call_0", "", {"zone": "A"})],
    ),
}


def calls_of(pieces: list[Any], tools: tuple[str, ...] = TOOLS) -> list[ToolCalled]:
    calls = CallPieces(tools)
    for each in pieces:
        calls.add(each if isinstance(each, list) or each is None else [each])
    return calls.finish()


@pytest.mark.parametrize("name", SHAPES)
def test_the_calls_are_those_that_were_meant(name) -> None:
    _, pieces, calls = SHAPES[name]
    assert calls_of(pieces) == calls


# Of a second name, only who knows the tools can tell whether it is a piece of the first.
NEEDS_TOOLS = {
    "all numbered 0, without ids, the first without arguments",
    "a name in pieces, the first a tool's",
}


@pytest.mark.parametrize("name", [name for name in SHAPES if name not in NEEDS_TOOLS])
def test_they_are_so_though_the_tools_are_not_known(name) -> None:
    _, pieces, calls = SHAPES[name]
    assert calls_of(pieces, ()) == calls


def test_one_piece_that_is_no_list_is_taken_as_it_is() -> None:
    calls = CallPieces()
    calls.add(piece(0, "a", "clock", ZONE_A))
    calls.add(None)
    assert (len(calls), calls.finish()) == (1, [CLOCK_A])


def test_a_name_without_end_is_cut() -> None:
    calls = CallPieces()
    for number in range(1000):
        calls.add([piece(0, "a", f"n{number}")])
    assert len(calls.finish()[0].name) == MOST_WORD


def test_more_calls_than_a_reply_may_have_are_a_failure() -> None:
    pieces = [piece(0, f"c{number}", "clock", "{}") for number in range(MOST_CALLS + 1)]
    assert len(calls_of(pieces[:-1])) == MOST_CALLS
    with pytest.raises(ModelError):
        calls_of(pieces)
