"""Streams in the shapes that the providers document, as files in recordings/: played whole, and cut anywhere.

The fields, their order and the blanks between them are the sources'; some of the words are not.
"""

import random
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from app.engine.chunks import ModelFinished
from app.engine.errors import ModelError, Problem
from app.engine.events import ReasoningDelta, TextDelta, ToolCalled
from app.engine.messages import FinishReason, Usage
from app.engine.ports import Model
from app.testing.model_server import LAST, chunk, head
from app.testing.provider_apis import ANTHROPIC, OPENAI, ProviderApi, make_prompt

FOLDER = Path(__file__).with_name("recordings")
CUTS, PAUSE = 25, 0.001
ROUNDS = 10  # each cut elsewhere


@dataclass(frozen=True)
class Recording:
    """What a stream of that shape says, and where the shape is documented."""

    api: ProviderApi
    source: str
    text: str = ""
    reasoning: str = ""
    calls: list[ToolCalled] = field(default_factory=list)
    ends: tuple[FinishReason, int, int] | Problem = Problem.UPSTREAM_FAILED  # the reason and the usage, or the failure

    @property
    def outcome(self) -> tuple[str, str, list[ToolCalled], ModelFinished | Problem]:
        ends = self.ends if isinstance(self.ends, Problem) else ModelFinished(self.ends[0], Usage(*self.ends[1:]))
        return self.text, self.reasoning, self.calls, ends


RECORDINGS = {
    "openai-text": Recording(
        OPENAI,
        "https://platform.openai.com/docs/api-reference/chat-streaming, with stream_options.include_usage",
        text="Hello! How may I help … in Köln?",
        ends=("stop", 19, 10),
    ),
    "openai-tools": Recording(
        OPENAI,
        "https://platform.openai.com/docs/guides/function-calling, Streaming",
        calls=[
            ToolCalled("call_DdmO9pD3xa9XTPNJ32zg2hcA", "get_weather", {"location": "Paris, France"}),
            ToolCalled("call_ziO1bBoZF0vV4sVvTvDxBkKr", "get_weather", {"location": "Bogotá"}),
        ],
        ends=("tool-calls", 82, 34),
    ),
    "openai-refusal": Recording(
        OPENAI,
        "https://platform.openai.com/docs/guides/structured-outputs, Refusals",
        text="I'm sorry, I can't help.",
        ends=("stop", 19, 10),
    ),
    "ollama-tools": Recording(
        OPENAI,
        "https://docs.ollama.com/api/openai-compatibility; every call numbered 0: https://github.com/ollama/ollama/issues/15457",
        calls=[
            ToolCalled("call_8w0x3k1p", "file_write", {"content": 'print("hello")', "filePath": "hello.py"}),
            ToolCalled("call_f2j9q7zd", "file_write", {"content": 'print("world")', "filePath": "world.py"}),
        ],
        ends=("tool-calls", 211, 64),
    ),
    "vllm-tools": Recording(
        OPENAI,
        "https://docs.vllm.ai/en/latest/features/tool_calling/",
        calls=[
            ToolCalled("chatcmpl-tool-3f9a1c7e5b2d4f60", "get_weather", {"city": "Dallas", "state": "TX"}),
            ToolCalled("chatcmpl-tool-91d2b8a64c0e4e7f", "get_weather", {"city": "Orlando", "state": "FL"}),
        ],
        ends=("tool-calls", 221, 46),
    ),
    "vllm-tools-all-zero": Recording(
        OPENAI,
        "older versions, as https://github.com/InternLM/lmdeploy/issues/3412 prints them",
        calls=[
            ToolCalled("chatcmpl-tool-c9ZCzB9b9NikK5kjPBXpFG", "get_weather", {"city": "Dallas"}),
            ToolCalled("chatcmpl-tool-HfzZPEVfQgvgpSJccb8Vr8", "get_weather", {"city": "Orlando"}),
        ],
        ends=("tool-calls", 0, 0),
    ),
    "vllm-reasoning": Recording(
        OPENAI,
        "https://docs.vllm.ai/en/latest/features/reasoning_outputs/, Streaming chat completions",
        text="\n\n**9.8** is greater.",
        reasoning="9.8 is the larger\n",
        ends=("stop", 23, 17),
    ),
    "vllm-error": Recording(
        OPENAI,
        "vllm-project/vllm, vllm/entrypoints/openai/protocol.py, ErrorResponse of the earlier versions",
        text="The ans",
    ),
    "anthropic-text": Recording(
        ANTHROPIC,
        "https://platform.claude.com/docs/en/build-with-claude/streaming, Basic streaming request",
        text="Hello! Grüße 😀",
        ends=("stop", 25, 15),
    ),
    "anthropic-tools": Recording(
        ANTHROPIC,
        "the same, Streaming request with tool use",
        text="Let's check the weather:",
        calls=[
            ToolCalled(
                "toolu_01T1x1fJ34qAmk2tNTrN7Up6",
                "get_weather",
                {"location": "San Francisco, CA", "unit": "fahrenheit"},
            ),
            ToolCalled("toolu_01A09q90qw90lq917835lq9", "get_time", {}),
        ],
        ends=("tool-calls", 472, 89),
    ),
    "anthropic-thinking": Recording(
        ANTHROPIC,
        "the same, Streaming request with extended thinking",
        text="The greatest common divisor is **21**.",
        reasoning="The greatest common divisor:\n\n1071 = 2 * 462 + 147\n462 = 3 * 147 + 21",
        ends=("stop", 53, 104),
    ),
    "anthropic-error": Recording(
        ANTHROPIC,
        "the same, Error events",
        text="Hel",
        ends=Problem.OVERLOADED,
    ),
}


def heard(model: Model) -> tuple[str, str, list[ToolCalled], Any]:
    """As `Recording.outcome`."""
    chunks: list[Any] = []
    try:
        for batch in model.open(make_prompt(), 60):
            chunks += batch
    except ModelError as error:
        chunks.append(error.problem)
    *said, end = chunks
    text, reasoning = (
        "".join(part.text for part in said if isinstance(part, kind)) for kind in (TextDelta, ReasoningDelta)
    )
    return text, reasoning, [part for part in said if isinstance(part, ToolCalled)], end


def response(name: str) -> bytes:
    """With each event in a chunk of its own, as servers mostly send them."""
    events = (FOLDER / f"{name}.txt").read_bytes().split(b"\n\n")
    return head() + b"".join(chunk(event + b"\n\n") for event in events if event) + LAST


def test_every_recording_is_played() -> None:
    assert {path.stem for path in FOLDER.iterdir()} == set(RECORDINGS)


@pytest.mark.parametrize("name", RECORDINGS)
def test_a_recorded_stream_is_understood_whole(upstream, name) -> None:
    recording = RECORDINGS[name]
    upstream.play([response(name)])
    assert heard(recording.api.model(upstream.url)) == recording.outcome


@pytest.mark.parametrize("name", RECORDINGS)
def test_a_recorded_stream_is_understood_wherever_it_is_cut(upstream, name) -> None:
    recording, data, chance = RECORDINGS[name], response(name), random.Random(name)
    model = recording.api.model(upstream.url)
    for _ in range(ROUNDS):
        edges = [0, *sorted(chance.sample(range(1, len(data)), CUTS)), len(data)]
        pieces = [data[start:end] for start, end in pairwise(edges)]
        upstream.play([step for piece in pieces for step in (piece, PAUSE)])
        assert heard(model) == recording.outcome, edges
    upstream.play([data[at : at + 1] for at in range(len(data))])
    assert heard(model) == recording.outcome
