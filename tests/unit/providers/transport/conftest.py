"""What the tests of the way to model servers share."""

import pytest


@pytest.fixture(autouse=True)
def no_proxy_from_outside(monkeypatch) -> None:
    for name in ("http_proxy", "https_proxy", "no_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
