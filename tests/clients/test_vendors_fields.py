"""Every field that a vendor's own client declares is heeded, refused or ignored; an upgrade shows which are new."""

import json
import subprocess
from collections.abc import Mapping

import pytest
from marshmallow import Schema
from support.vendors import CLIENTS, environment

from app.wires.messages import requests as messages
from app.wires.openai import requests as openai
from app.wires.responses import options
from app.wires.responses import requests as responses

HEADERS = {"betas", "user_profile_id", "workspace_id"}  # of Anthropic's, which its client sends as such

CHAT, RESPONSES, SHARED = "openai.types.chat", "openai.types.responses", "openai.types.shared_params"
OPENAI: Mapping[str, type[Schema]] = {
    f"{CHAT}.completion_create_params.CompletionCreateParamsStreaming": openai.CompletionRequestSchema,
    f"{CHAT}.ChatCompletionStreamOptionsParam": openai.StreamOptionsSchema,
    f"{CHAT}.ChatCompletionFunctionToolParam": openai.ToolSchema,
    f"{SHARED}.FunctionDefinition": openai.FunctionSchema,
    f"{SHARED}.response_format_json_schema.JSONSchema": openai.JsonSchemaSchema,
    f"{RESPONSES}.response_create_params.ResponseCreateParamsStreaming": responses.ResponseRequestSchema,
    f"{RESPONSES}.ResponseCompactParams": responses.CompactRequestSchema,
    f"{RESPONSES}.FunctionToolParam": options.ToolSchema,
    f"{RESPONSES}.ResponseTextConfigParam": options.TextSchema,
    f"{RESPONSES}.ResponseFormatTextJSONSchemaConfigParam": options.FormatSchema,
    f"{SHARED}.Reasoning": options.ReasoningSchema,
}
ANTHROPIC: Mapping[str, type[Schema]] = {
    f"anthropic.types{path}.{name}": schema
    for path, beta in (("", ""), (".beta", "Beta"))
    for name, schema in {
        "message_create_params.MessageCreateParamsStreaming": messages.MessageRequestSchema,
        "message_count_tokens_params.MessageCountTokensParams": messages.TokensRequestSchema,
        f"{beta}ToolParam": messages.ToolSchema,
        f"{beta}ToolChoiceToolParam": messages.ToolChoiceSchema,
        f"{beta}ThinkingConfigEnabledParam": messages.ThinkingSchema,
        f"{beta}ThinkingConfigAdaptiveParam": messages.ThinkingSchema,
        f"{beta}OutputConfigParam": messages.OutputConfigSchema,
        f"{beta}JSONOutputFormatParam": messages.FormatSchema,
    }.items()
}


@pytest.mark.parametrize(
    ("venv", "schemas"),
    [("clients", OPENAI), ("clients", ANTHROPIC), ("clients-before", ANTHROPIC)],
    ids=["openai", "anthropic", "anthropic before"],
)
def test_no_field_of_a_request_is_unknown_here(venv: str, schemas: Mapping[str, type[Schema]]) -> None:
    program = [environment(venv) / "bin" / "python", CLIENTS / "programs" / "vendors" / "request_fields.py", *schemas]
    told = json.loads(subprocess.run(program, capture_output=True, text=True, timeout=60, check=True).stdout)
    unknown = {place: {*fields} - HEADERS - {*schemas[place]().fields} for place, fields in told.items()}
    assert {place: fields for place, fields in unknown.items() if fields} == {}
