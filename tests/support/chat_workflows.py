"""Workflows as people who sign in make and run them."""

import json
from typing import Any

from support.users import COOKIE, Person

from app.testing.server import ROOT, script
from app.testing.sockets import post

SHIPPED = {"[limits]\n": f'[workflows]\nfiles = ["{ROOT}/config/workflows/*.yaml"]\n\n[limits]\n'}


GREET = {"name": "Greet", "steps": [{"id": "greet", "say": "Hello, {{ input }}."}]}


def talk(*steps: Any, **other: Any) -> dict[str, Any]:
    """A workflow that asks the scripted model, which plays the steps."""
    prompt = script(*steps).replace("{{", "{ {")
    return {"name": "Talk", "steps": [{"id": "talk", "prompt": prompt, **other}]}


def make(person: Person, written: Any) -> str:
    made = person.call("POST", "/api/workflows", written)
    assert made.status_code == 201, made.text
    return str(made.json()["id"])


def text(events: list[Any]) -> str:
    return "".join(event["delta"] for event in events if event["type"] == "content")


def open_stream(person: Person, chat: str, words: str, workflow: str) -> Any:
    """A socket on which the answer is about to come."""
    body = json.dumps(person.message(words, workflowId=workflow)).encode()
    headers = {"Cookie": f"{COOKIE}={person.http.cookies[COOKIE]}"}
    return post(person.server, f"/api/chats/{chat}/messages/stream", body, headers)
