"""What is pinned can be installed with the oldest Python that README.md promises."""

import re
from importlib.metadata import metadata
from pathlib import Path

import pytest
from packaging.specifiers import SpecifierSet

ROOT = Path(__file__).parents[2]
FILES = ("requirements.txt", "constraints.txt", "requirements-dev.txt")
PINS = re.findall(r"^([\w.-]+)(?:\[\w+\])?==", "".join((ROOT / name).read_text() for name in FILES), re.MULTILINE)


@pytest.mark.parametrize("name", PINS)
def test_a_pinned_release_is_for_python_3_11_0_too(name) -> None:
    assert SpecifierSet(metadata(name)["Requires-Python"] or "").contains("3.11.0")
