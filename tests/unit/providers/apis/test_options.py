"""What parlance.toml may say of a model that is reached over HTTP: each mistake is named by its place."""

import pytest

from app.settings.load import load_settings
from app.settings.mistakes import SettingsError
from app.testing.server import ROOT

NEEDED = {"openai": {"base_url": '"https://api.example.com/v1"', "model": '"m-1"'}, "anthropic": {"model": '"m-1"'}}
ADDRESS = "base_url: Not an address"
FILE = "ca_file: This file cannot be read"
SECONDS = "Must be greater than 0 and less than or equal to 86400."

Mistake = tuple[str, str | None, str]  # an option, what is written there (None: it is left out), what must be said
IN_EVERY_PROVIDER: list[Mistake] = [
    ("base_url", '""', ADDRESS),
    ("base_url", '"api.example.com/v1"', ADDRESS),
    ("base_url", '"//api.example.com/v1"', ADDRESS),
    ("base_url", '"ftp://api.example.com"', ADDRESS),
    ("base_url", '"https://"', ADDRESS),
    ("base_url", '"https://:443/v1"', ADDRESS),
    ("base_url", '"https://api.example.com/v1?key=x"', ADDRESS),
    ("base_url", '"https://api.example.com/v1#x"', ADDRESS),
    ("base_url", '"https://user:hunter2@api.example.com"', "base_url: A password has no place here; api_key_env names"),
    ("base_url", '"https://user@api.example.com"', "base_url: A password has no place here"),
    ("base_url", "5", "base_url: Not a valid string."),
    ("base_url", '"https://api.example.com:99999/v1"', ADDRESS),
    ("base_url", '"https://api.example.com:port/v1"', ADDRESS),
    ("base_url", '"http://[::1/v1"', ADDRESS),
    ("base_url", '"http://[localhost]/v1"', ADDRESS),
    ("base_url", '"https://api.example.com/v 1"', ADDRESS),
    ("base_url", '"https://api example.com/v1"', ADDRESS),
    ("base_url", '"https://api..example.com/v1"', ADDRESS),
    ("base_url", '"https://.example.com/v1"', ADDRESS),
    ("base_url", '"https://api.example.com\\r\\nX-Evil: 1/v1"', ADDRESS),
    ("base_url", '"https://api.example.com/\\u2026"', ADDRESS),
    ("model", None, "model: Missing data for required field."),
    ("model", '""', "model: Shorter than minimum length 1."),
    ("model", '["a", "b"]', "model: Not a valid string."),
    ("api_key_env", '"NO_SUCH_KEY"', "api_key_env: The environment variable NO_SUCH_KEY is not set."),
    ("api_key_env", '"BLANK_KEY"', "api_key_env: The environment variable BLANK_KEY is not set."),
    ("api_key_env", '""', "api_key_env: The environment variable  is not set."),
    ("api_key_env", "5", "api_key_env: Not a valid string."),
    ("api_key_env", '"KEY_OF_TWO_LINES"', "api_key_env: "),
    ("api_key_env", '"KEY_WITH_ELLIPSIS"', "api_key_env: "),
    ("api_key", '"sk-hunter2"', "api_key: Unknown field."),
    ("ca_file", '"/nowhere/ca.pem"', FILE),
    ("ca_file", '""', FILE),
    ("ca_file", "true", "ca_file: Not a valid string."),
    ("ca_file", '"/"', "ca_file: "),
    ("ca_file", f'"{ROOT}/LICENSE"', "ca_file: "),
    ("timeouts", "5", "timeouts: Invalid input type."),
    ("timeouts", "{connect = -1}", f"timeouts.connect: {SECONDS}"),
    ("timeouts", "{first_token = 0}", f"timeouts.first_token: {SECONDS}"),
    ("timeouts", "{between_tokens = 86401}", f"timeouts.between_tokens: {SECONDS}"),
    ("timeouts", '{total = "soon"}', "timeouts.total: Not a valid number."),
    ("timeouts", "{total = nan}", "timeouts.total: Special numeric values"),
    ("timeouts", "{total = inf}", "timeouts.total: Special numeric values"),
    ("timeouts", "{read = 5}", "timeouts.read: Unknown field."),
    ("headers", '"X-Team: a"', "headers: Not a valid mapping type."),
    ("headers", '{"X Team" = "a"}', "headers.X Team: "),
    ("headers", '{"X-Team:" = "a"}', "headers.X-Team:: "),
    ("headers", '{"" = "a"}', "headers.: "),
    ("headers", "{X-Team = 5}", "headers.X-Team: Not a valid string."),
    ("headers", '{X-Team = "a\\r\\nX-Evil: 1"}', "headers.X-Team: Only printable ASCII can be sent."),
    ("headers", '{X-Team = "\\u00e4"}', "headers.X-Team: Only printable ASCII can be sent."),
    ("temperature", "-0.1", "temperature: Must be greater than or equal to 0"),
    ("temperature", "5.1", "temperature: Must be greater than or equal to 0 and less than or equal to 5."),
    ("temperature", '"hot"', "temperature: Not a valid number."),
    ("top_p", "1.1", "top_p: Must be greater than or equal to 0 and less than or equal to 1."),
    ("max_tokens", "0", "max_tokens: Must be greater than or equal to 1."),
    ("max_tokens", "-5", "max_tokens: Must be greater than or equal to 1."),
    ("max_tokens", '"100"', "max_tokens: Not a valid integer."),
    ("stop", '"END"', "stop: Not a valid list."),
    ("stop", '["END", ""]', "stop.1: Shorter than minimum length 1."),
    ("sampling", '"both"', 'sampling: Must be true, "one" or false.'),
    ("sampling", "1", 'sampling: Must be true, "one" or false.'),
    ("max_temperature", "0", "max_temperature: Must be greater than 0 and less than or equal to 5."),
    ("seed", "1.5", "seed: Not a valid integer."),
    ("seed", "99999999999999999999", "seed: "),
    ("pace", "1", "pace: Unknown field."),
    ("proxy", '"http://127.0.0.1:3128"', "proxy: Unknown field."),
]
OF_ITS_OWN: dict[str, list[Mistake]] = {
    "openai": [
        ("base_url", None, "base_url: Missing data for required field."),
        ("stream", '"no"', "stream: Not a valid boolean."),
        ("stream_usage", '"yes"', "stream_usage: Not a valid boolean."),
        ("max_tokens_field", '"tokens"', "max_tokens_field: Must be one of: max_tokens, max_completion_tokens."),
        ("seed_field", '"random"', "seed_field: Must be one of: seed, random_seed."),
        ("refuses", '["temperature"]', "refuses.0: Must be one of: seed, stop."),
        ("reasoning_effort", '"much"', "reasoning_effort: Must be one of: none, minimal, low, medium, high, xhigh."),
        ("thinking", '"adaptive"', "thinking: Unknown field."),
        ("organization", "5", "organization: Not a valid string."),
        ("organization", '"a\\r\\nX-Evil: 1"', "organization: "),
        ("organization", '"\\u2026"', "organization: "),
        ("thinking_tokens", "2000", "thinking_tokens: Unknown field."),
    ],
    "anthropic": [
        ("thinking_tokens", "1023", "thinking_tokens: Must be greater than or equal to 1024."),
        ("thinking_tokens", '"many"', "thinking_tokens: Not a valid integer."),
        ("thinking", '"much"', "thinking: Must be one of: budget, adaptive."),
        ("stream", "false", "stream: Unknown field."),
        ("organization", '"org-1"', "organization: Unknown field."),
    ],
}


ROWS = [
    pytest.param(
        *(provider, option, written, words),
        id=f"{provider}: {option} = {written}",
    )
    for provider in NEEDED
    for option, written, words in [*IN_EVERY_PROVIDER, *OF_ITS_OWN[provider]]
]


def table(provider: str, **options: str | None) -> str:
    written = {**NEEDED[provider], **options}
    lines = [f"{option} = {value}" for option, value in written.items() if value is not None]
    return "\n".join(["[models.m]", f'provider = "{provider}"', *lines, ""])


@pytest.fixture
def problems(tmp_path, monkeypatch):
    """The mistakes in a configuration, one string each."""
    monkeypatch.delenv("NO_SUCH_KEY", raising=False)
    monkeypatch.setenv("BLANK_KEY", " \t")
    monkeypatch.setenv("KEY_OF_TWO_LINES", "sk-hunter2\r\nX-Evil: 1")
    monkeypatch.setenv("KEY_WITH_ELLIPSIS", "sk-hunter2\u2026")

    def find(config: str) -> list[str]:
        path = tmp_path / "parlance.toml"
        path.write_text(config)
        with pytest.raises(SettingsError) as refusal:
            load_settings({"PARLANCE_CONFIG": str(path)})
        return refusal.value.problems

    return find


@pytest.mark.parametrize(("provider", "option", "written", "words"), ROWS)
def test_a_mistake_in_a_models_options_is_named_by_its_place_and_alone(
    problems, provider, option, written, words
) -> None:
    (found,) = problems(table(provider, **{option: written}) + '[agents.a]\nmodel = "m"')
    assert found.startswith(f"parlance.toml: models.m.{words}")
    assert "hunter2" not in found


@pytest.mark.parametrize(
    "proxy",
    [
        "http://127.0.0.1:hunter2",
        "http://me:hunter2@[::1",
        "socks5://hunter2@proxy.test:1080",
        "http://proxy..test:3128",
    ],
)
@pytest.mark.parametrize("provider", NEEDED)
def test_a_proxy_that_is_none_refuses_the_start_too(problems, monkeypatch, provider, proxy) -> None:
    for name in ("https_proxy", "no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HTTPS_PROXY", proxy)
    assert problems(table(provider) + '[agents.a]\nmodel = "m"') == [
        "parlance.toml: models.m.base_url: HTTPS_PROXY is no address such as http://proxy.example:3128"
    ]
