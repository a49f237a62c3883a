"""Parlance: a chat backend that speaks the wire its callers already speak. `main.py` is where it begins."""

import tomllib
from pathlib import Path

VERSION: str = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text(encoding="utf-8"))["project"][
    "version"
]
