"""The cases of `llm-comply` (PyPI), which anyone can run: what the APIs of OpenAI and Anthropic promise, and
Open Responses."""

import json
import subprocess
from typing import Any

import pytest
from support.vendors import Vendors, environment

NO_THOUGHT_TOKENS = (
    "usage.completion_tokens_details.reasoning_tokens is 0 (model may not support reasoning)"  # how many is not known
)


def comply(vendors: Vendors, style: str, model: str) -> dict[str, dict[str, Any]]:
    """Each case's result."""
    program = environment("clients") / "bin" / "llm-comply"
    command = [program, "--base-url", f"{vendors.url}/v1", "--api-key", vendors.key(), "--model", model]
    command += ["--format", style, "--json"]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    results = json.loads(ran.stdout[ran.stdout.index("{") :])["results"]
    return {result["id"]: result for result in results}


@pytest.mark.parametrize(
    ("style", "model", "number", "warned"),
    [
        ("openai-chat", "gpt-5-desk", 9, {"chat-reasoning-summary": [NO_THOUGHT_TOKENS]}),
        ("anthropic", "claude-sonnet-4-desk", 9, {}),
        ("open-responses", "gpt-5-desk", 13, {}),
    ],
    ids=["openai", "anthropic", "responses"],
)
def test_every_case_of_the_suite_passes(
    vendors: Vendors, style: str, model: str, number: int, warned: dict[str, Any]
) -> None:
    results = comply(vendors, style, model)
    assert {name: result.get("errors") for name, result in results.items() if result["status"] != "passed"} == {}
    assert {name: result["warnings"] for name, result in results.items() if "warnings" in result} == warned
    assert len(results) == number
