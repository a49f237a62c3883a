"""What a status of a model server means, and what it says beside it; test_fallback_servers.py plays them."""

import json

import pytest

from app.engine.errors import FailureKind, Problem
from app.providers.transport.statuses import failure, reported

PASSING, STANDING, TOO_LONG, REFUSED = (
    *(FailureKind.PASSING, FailureKind.STANDING),
    *(FailureKind.TOO_LONG, FailureKind.REFUSED),
)


@pytest.mark.parametrize(
    ("problem", "statuses"),
    [
        (Problem.UPSTREAM_TIMEOUT, [408, 504, 522, 524]),
        (Problem.OVERLOADED, [429, 498, 503, 529]),
        (
            Problem.UPSTREAM_FAILED,
            [201, 302, 400, 401, 402, 403, 404, 413, 422, 499, 500, 501, 502, 505, 520, 530, 599],
        ),
    ],
    ids=lambda value: value.name if isinstance(value, Problem) else "",
)
def test_each_status_is_a_problem(problem, statuses) -> None:
    assert {failure(status).problem for status in statuses} == {problem}


@pytest.mark.parametrize(
    ("kind", "statuses"),
    [
        (PASSING, [408, 409, 423, 424, 425, 429, 498, 499, 500, 502, 503, 504, *range(520, 531), 599]),
        (
            STANDING,
            [201, 204, 302, 308, 401, 402, 403, 404, 405, 407, 410, 412, 413, 415, 431, 451, 501, 505, 511, 999],
        ),
        (REFUSED, [400, 422]),
    ],
    ids=lambda value: value.name if isinstance(value, FailureKind) else "",
)
def test_each_status_is_of_a_kind(kind, statuses) -> None:
    assert {failure(status).kind for status in statuses} == {kind}


def test_what_a_kind_means() -> None:
    assert [(kind.others, kind.again, kind.counts) for kind in FailureKind] == [
        (True, True, True),
        (True, False, True),
        (True, False, False),
        (False, False, False),
        (False, False, False),
        (True, True, False),
        (False, False, False),
    ]


SAID = {  # as the servers write it: BerriAI/litellm's and badlogic/pi-mono's tables, and the servers' own
    "OpenAI": (400, '"code": "context_length_exceeded"'),
    "OpenAI, responses": (400, "Your input exceeds the context window of this model."),
    "OpenAI, one message": (400, 'Invalid \'messages[1].content\': string too long."code": "string_above_max_length"'),
    "Anthropic": (400, "prompt is too long: 213462 tokens > 200000 maximum"),
    "Anthropic, with the answer": (400, "input length and `max_tokens` exceed context limit: 199000 + 4096 > 200000"),
    "Bedrock": (400, "Input is too long for requested model."),
    "vLLM, of the model": (400, "The decoder prompt (length 9000) is longer than the maximum model length of 8192."),
    "TensorRT-LLM": (400, "Prompt length (9000) exceeds maximum input length. Set max_seq_len to 9000"),
    "Z.ai, escaped": (400, "Prompt 超长"),
    "SageMaker": (400, "Input length 5000 exceeds maximum length 4096"),
    "watsonx": (400, "the number of input tokens 9000 cannot exceed the total tokens limit 8192 for this model"),
    "Hugging Face": (422, "Input validation error: `inputs` must have less than 4096 tokens. Given: 5000"),
    "Gemini": (400, "The input token count (1196265) exceeds the maximum number of tokens allowed (1048575)."),
    "xAI": (400, "This model's maximum prompt length is 131072 but the request contains 537812 tokens."),
    "Groq": (400, "Please reduce the length of the messages or completion."),
    "Mistral": (
        400,
        "Prompt contains 33000 tokens and 0 draft tokens, too large for model with 32768 maximum context length",
    ),
    "OpenRouter": (400, "This endpoint's maximum context length is 32768 tokens. However, you requested about 40000"),
    "vLLM": (400, "This model's maximum context length is 4096 tokens. However, your request has 5000 input tokens."),
    "SGLang": (400, "The input (5000 tokens) is longer than the model's context length (4096 tokens)."),
    "llama.cpp": (
        400,
        "the request exceeds the available context size, try increasing it (exceed_context_size_error)",
    ),
    "llama.cpp, of old": (500, "the request exceeds the available context size"),
    "LM Studio": (400, "tokens to keep from the initial prompt is greater than the context length"),
    "Ollama": (400, "prompt too long; exceeded max context length by 12 tokens"),
    "Ollama, of old": (500, "the input length exceeds the context length"),
    "TGI": (422, "Input validation error: `inputs` tokens + `max_new_tokens` must be <= 4096. Given: 5000"),
    "LiteLLM": (400, "litellm.ContextWindowExceededError: AzureException"),
    "GitHub Copilot": (400, "prompt token count of 70000 exceeds the limit of 64000"),
    "MiniMax": (400, "invalid params, context window exceeds limit (2013)"),
    "Kimi": (400, "Your request exceeded model token limit: 8192 (requested: 9000)"),
    "DashScope": (400, "Range of input length should be [1, 30720]"),
    "Cohere": (400, "too many tokens: total number of tokens in the prompt cannot exceed 4081"),
    "a proxy that says so": (413, "maximum context length is 4096 tokens"),
}


@pytest.mark.parametrize("server", SAID)
def test_a_prompt_that_is_too_long_is_known_by_the_words_of_each_server(server) -> None:
    status, words = SAID[server]
    error = failure(status, json.dumps({"error": {"message": words}}))
    assert error.kind is TOO_LONG
    assert error.message == "The conversation is too long for the model"


OTHER_WORDS = [
    (400, "Your credit balance is too low to access the Anthropic API.", STANDING),
    (400, "API key not valid. Please pass a valid API key.", STANDING),
    (400, "Incorrect API key provided: xa***fG.", STANDING),
    (400, "User location is not supported for the API use.", STANDING),
    (400, "This organization has been disabled.", STANDING),
    (400, "Model Not Exist", STANDING),
    (400, "foo/bar-7b is not a valid model ID", STANDING),
    (400, "The model `mixtral-8x7b-32768` has been decommissioned and is no longer supported.", STANDING),
    (422, '{"message": "Invalid model: x", "code": "model_not_found"}', STANDING),
    (429, '{"code": "insufficient_quota", "message": "You exceeded your current quota"}', STANDING),
    (429, "You exceeded your current quota, please check your plan. Quota exceeded for metric: per minute", PASSING),
    (429, "Request too large: maximum context length is 9", PASSING),
    (400, 'Failed to call a function. Please adjust your prompt.", "code": "tool_use_failed', PASSING),
    (
        413,
        "Request too large for model `x` on tokens per minute (TPM): Limit 6000, Requested 7000, reduce your message",
        STANDING,
    ),
    (400, "Too many tokens, please wait before trying again.", REFUSED),
    (400, "`temperature` is deprecated for this model.", REFUSED),
    (400, "Unsupported parameter: 'stop' is not supported with this model.", REFUSED),
    (400, "Missing `reasoning_content` in the assistant message", REFUSED),
    (400, "", REFUSED),
    (402, "maximum context length", STANDING),
]


@pytest.mark.parametrize(("status", "words", "kind"), OTHER_WORDS, ids=str)
def test_what_is_said_beside_a_status_that_means_many_things_decides(status, words, kind) -> None:
    assert failure(status, words).kind is kind


REPORTED = [
    (402, "", STANDING, 502),
    ("429", "", PASSING, 503),
    ("504", "", PASSING, 504),
    ("context_length_exceeded", "{'code': 'context_length_exceeded'}", TOO_LONG, 502),
    (400, "prompt is too long", TOO_LONG, 502),
    (400, "wrong", PASSING, 502),
    (None, "", PASSING, 502),
    (200, "", PASSING, 502),
    ("4" * 5_000, "", PASSING, 502),
]


@pytest.mark.parametrize(("code", "said", "kind", "status"), REPORTED, ids=lambda value: repr(value)[:40])
def test_what_is_told_in_mid_stream_means_what_the_status_means_but_is_no_refusal(code, said, kind, status) -> None:
    error = reported(code, said)
    assert (error.kind, error.problem.status) == (kind, status)


def test_a_failure_says_when_to_come_again() -> None:
    assert failure(429, "", {"x-ratelimit-reset": "7"}).retry_after == 7
    assert failure(500, "", {"x-ratelimit-reset": "7"}).retry_after is None
    assert failure(503, "", {"retry-after": "3"}).retry_after == 3
