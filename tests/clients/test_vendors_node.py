"""Clients of OpenAI's and Anthropic's APIs from npm, unchanged: they have another base URL."""

import pytest
from support.vendor_models import COUNTED
from support.vendors import Client, Vendors
from support.vendors_suite import StoredResponsesSuite, ThoughtsSuite, VendorsSuite

AI_SDK = dict.fromkeys(("key", "model", "request", "image", "unpaid", "limit"), "AI_APICallError")
AI_SDK["broken"] = "AI_StreamProviderError"
AI_SDK_WORDS = {"stop": "stop", "tool": "tool-calls"}
OPENAI = [Client(name, "openai", [name], classes={"unpaid": "APIError"}) for name in ("openai 7", "openai 6")]
ANTHROPIC = [
    Client("anthropic 1", "messages", ["anthropic 1"], classes={"unpaid": "PaymentRequiredError"}),
    Client("anthropic 0", "messages", ["anthropic 0"], classes={"unpaid": "APIError"}),
]
AI_ANTHROPIC = Client("ai anthropic", "messages", ["ai anthropic"], classes=AI_SDK, **AI_SDK_WORDS)
RESPONSES = [
    Client(f"{name} responses", "responses", [f"{name} responses"], classes={"unpaid": "APIError"})
    for name in ("openai 7", "openai 6")
]
AI_RESPONSES = [
    Client("ai responses", "responses", ["ai responses"], classes=AI_SDK, **AI_SDK_WORDS),
    Client("ai open-responses", "responses", ["ai open-responses"], classes=AI_SDK, **AI_SDK_WORDS),
]
AI = [
    *(Client(name, "openai", [name], classes=AI_SDK, **AI_SDK_WORDS) for name in ("ai openai", "ai compatible")),
    AI_ANTHROPIC,
    *AI_RESPONSES,
]
MODELS = ["desk", "scripted", "eyes", "blind", "claude"]


@pytest.fixture
def client(request: pytest.FixtureRequest) -> Client:
    found: Client = request.param
    return found


@pytest.mark.parametrize("client", [*OPENAI, *RESPONSES, *ANTHROPIC, *AI], ids=str, indirect=True)
class TestClientsFromNpm(VendorsSuite):
    pass


@pytest.mark.parametrize("client", [*ANTHROPIC, AI_ANTHROPIC], ids=str, indirect=True)
class TestThoughts(ThoughtsSuite):
    pass


@pytest.mark.parametrize("client", RESPONSES, ids=str, indirect=True)
class TestStoredResponses(StoredResponsesSuite):
    pass


@pytest.mark.parametrize("client", [*OPENAI, *ANTHROPIC], ids=str)
def test_the_names_that_can_be_asked_for_are_listed(vendors: Vendors, client: Client) -> None:
    told = vendors.ran(client).told
    assert told["models"] == MODELS
    assert told["retrieved"] in MODELS
    missing = told["errors"]["retrieved"]
    assert (missing["class"], missing["status"]) == ("NotFoundError", 404)


@pytest.mark.parametrize("client", OPENAI, ids=str)
def test_the_error_has_the_parameter_that_is_wrong_and_a_code(vendors: Vendors, client: Client) -> None:
    errors = vendors.ran(client).told["errors"]
    assert errors["request"]["param"] == "n"
    assert [errors[kind]["code"] for kind in ("key", "model", "unpaid")] == [
        "invalid_api_key",
        "model_not_found",
        "insufficient_quota",
    ]


@pytest.mark.parametrize("client", OPENAI, ids=str)
def test_the_helper_runs_tools_until_there_is_an_answer(vendors: Vendors, client: Client) -> None:
    assert vendors.ran(client).told["toolRun"] == "21 degrees it is"


@pytest.mark.parametrize("client", ANTHROPIC, ids=str)
def test_tokens_are_counted(vendors: Vendors, client: Client) -> None:
    assert vendors.ran(client).told["counted"] == COUNTED


@pytest.mark.parametrize(
    ("client", "header", "scheme"),
    [(ANTHROPIC[0], "authorization", "Bearer "), (ANTHROPIC[1], "x-api-key", "")],
    ids=["newest", "before"],
)
def test_the_key_comes_as_each_major_sends_it(vendors: Vendors, client: Client, header: str, scheme: str) -> None:
    ran = vendors.ran(client)
    sent = [{name: value for name, value in headers.items() if ran.key in value} for headers in ran.headers]
    assert sent == [{header: f"{scheme}{ran.key}"}]
