"""Clients of OpenAI's and Anthropic's APIs from PyPI, unchanged: they have another base URL."""

import pytest
from support.vendor_models import COUNTED
from support.vendors import Client, Vendors
from support.vendors_suite import StoredResponsesSuite, ThoughtsSuite, VendorsSuite

LANGCHAIN = {
    "key": "{}AuthenticationError",
    "model": "{}ModelNotFoundError",
    "request": "{}InvalidRequestError",
    "image": "{}InvalidRequestError",
    "limit": "{}RateLimitError",
}
LITELLM = {"unpaid": "APIError", "broken": "MidStreamFallbackError"}
LITELLM_PAID = {**LITELLM, "unpaid": "PaymentRequiredError"}
PAID = {"unpaid": "PaymentRequiredError", "broken": "APIStatusError"}
OPENAI = Client("openai", "openai", ["ask_openai.py"], "clients")
AGENTS = Client("openai-agents", "openai", ["ask_agents.py", "openai"], "clients")
ANTHROPIC = [
    Client("anthropic", "messages", ["ask_anthropic.py"], "clients", PAID),
    Client("anthropic before", "messages", ["ask_anthropic.py"], "clients-before", {"broken": "APIStatusError"}),
]
LANGCHAIN_OPENAI = Client(
    "langchain-openai",
    "openai",
    ["ask_langchain.py", "openai"],
    "clients",
    {kind: name.format("OpenAI") for kind, name in LANGCHAIN.items()},
)
LANGCHAIN_ANTHROPIC = Client(
    "langchain-anthropic",
    "messages",
    ["ask_langchain.py", "anthropic"],
    "clients",
    {kind: name.format("Anthropic") for kind, name in LANGCHAIN.items()} | PAID,
)
LITELLM_OPENAI = Client("litellm openai", "openai", ["ask_litellm.py", "openai"], "clients", LITELLM)
LITELLM_ANTHROPIC = Client(
    "litellm anthropic", "messages", ["ask_litellm.py", "anthropic"], "clients", LITELLM_PAID, "stop", "tool_calls"
)
RESPONSES = Client("openai responses", "responses", ["ask_responses.py"], "clients")
ON_RESPONSES = [
    RESPONSES,
    Client("openai-agents responses", "responses", ["ask_agents.py", "responses"], "clients"),
    Client(
        "langchain-openai responses",
        "responses",
        ["ask_langchain.py", "responses"],
        "clients",
        {kind: name.format("OpenAI") for kind, name in LANGCHAIN.items()},
    ),
]
ON_OPENAI = [OPENAI, AGENTS, LANGCHAIN_OPENAI, LITELLM_OPENAI]
ON_MESSAGES = [*ANTHROPIC, LANGCHAIN_ANTHROPIC, LITELLM_ANTHROPIC]
MODELS = ["desk", "scripted", "eyes", "blind", "claude"]


@pytest.fixture
def client(request: pytest.FixtureRequest) -> Client:
    found: Client = request.param
    return found


@pytest.mark.parametrize("client", [*ON_OPENAI, *ON_RESPONSES, *ON_MESSAGES], ids=str, indirect=True)
class TestClientsFromPyPI(VendorsSuite):
    pass


@pytest.mark.parametrize("client", ON_MESSAGES, ids=str, indirect=True)
class TestThoughts(ThoughtsSuite):
    pass


@pytest.mark.parametrize("client", [RESPONSES], ids=str, indirect=True)
class TestStoredResponses(StoredResponsesSuite):
    pass


@pytest.mark.parametrize("client", [OPENAI, *ANTHROPIC], ids=str)
def test_the_names_that_can_be_asked_for_are_listed(vendors: Vendors, client: Client) -> None:
    told = vendors.ran(client).told
    assert told["models"] == MODELS
    assert told["retrieved"] in MODELS
    missing = told["errors"]["retrieved"]
    assert (missing["class"], missing["status"]) == ("NotFoundError", 404)


def test_the_error_has_the_parameter_that_is_wrong_and_a_code(vendors: Vendors) -> None:
    errors = vendors.ran(OPENAI).told["errors"]
    assert errors["request"]["param"] == "n"
    codes = ["invalid_api_key", "model_not_found", "insufficient_quota"]
    assert [errors[kind]["code"] for kind in ("key", "model", "unpaid")] == codes


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
