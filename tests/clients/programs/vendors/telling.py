"""What the programs of this folder share: they ask with one client each, and print as JSON what it told them.

    python NAME.py GIVEN

GIVEN is JSON, the same as for tests/clients/npm-vendors/ask.mjs.
"""

import json
import sys
import time
import uuid
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

CITY = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
FUNCTION = {"type": "function", "function": {"name": "get_weather", "parameters": CITY}}
RESULT = "21 degrees"


@dataclass
class Given:
    url: str
    limited: str
    mirror: str
    key: str
    unpaid: str
    limitedKey: str  # noqa: N815 - as JavaScript has it
    image: str

    @property
    def picture(self) -> str:
        return f"data:image/png;base64,{self.image}"


def given() -> Given:
    return Given(**json.loads(sys.argv[1]))


def tell(**told: Any) -> None:
    print(json.dumps(told))  # noqa: T201


def flaky() -> str:
    return f"flaky {uuid.uuid4()}"


def user(content: Any) -> dict[str, Any]:
    return {"role": "user", "content": content}


def failure(asked: Callable[[], Any]) -> dict[str, Any]:
    """How an answer fails: the class that a program catches, and what it can read there."""
    try:
        asked()
    except Exception as error:  # noqa: BLE001 - whichever class it is
        names = ("status_code", "param", "code", "type")
        told = {name: getattr(error, name, None) for name in names}
        told["status"] = told.pop("status_code")
        return {"class": type(error).__name__, "message": str(error), **told}
    return {"class": None}


def limits(ask: Callable[..., Any]) -> dict[str, Any]:
    """How the client takes a limit: its error where it may not ask again, and in how many seconds two answers come."""

    def many() -> None:
        for _ in range(5):
            ask(0)

    first, begun = failure(many), time.monotonic()
    for _ in range(2):
        ask(2)
    return {"first": first, "seconds": time.monotonic() - begun}


def until_it_breaks(texts: Callable[[], Iterable[Any]], partly: list[str]) -> Callable[[], None]:
    def read() -> None:
        partly.extend(text or "" for text in texts())

    return read
