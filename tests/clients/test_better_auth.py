"""better-auth's own client, unchanged, against the chats' sign-in."""

import json
import subprocess

import pytest
from support.sdk import installed
from support.users import address


@pytest.fixture(scope="module")
def told(server) -> dict:
    """See npm/auth.mjs."""
    command = ["node", "auth.mjs", server.url, address()]
    ran = subprocess.run(command, cwd=installed(), capture_output=True, text=True, timeout=60, check=False)
    assert ran.returncode == 0, ran.stderr
    return json.loads(ran.stdout)


def test_its_client_signs_up_in_and_out(told, server) -> None:
    assert [told[name]["error"] for name in ("nobody", "made", "known", "out", "gone", "short", "long")] == [None] * 7
    assert (told["nobody"]["data"], told["gone"]["data"]) == (None, None)
    made, known = told["made"]["data"]["user"], told["known"]["data"]
    assert made == known["user"]
    assert (made["name"], made["image"], made["emailVerified"]) == ("Ada", f"{server.url}/ada.png", False)
    assert known["session"]["userId"] == made["id"]
    assert told["dates"] == 3, "its client makes dates of expiresAt, createdAt and updatedAt"
    assert told["out"]["data"] == told["left"]["data"] == {"success": True}


def test_its_client_is_told_why_not(told) -> None:
    failures = {name: told[name]["error"] for name in ("wrong", "taken", "elsewhere")}
    assert {name: (error["status"], error["code"]) for name, error in failures.items()} == {
        "wrong": (401, "INVALID_EMAIL_OR_PASSWORD"),
        "taken": (409, "USER_ALREADY_EXISTS_USE_ANOTHER_EMAIL"),
        "elsewhere": (403, "INVALID_CALLBACK_URL"),
    }
    assert all(error["message"] for error in failures.values())


def test_its_options_mean_what_its_documents_say(told) -> None:
    short, long = told["short"], told["long"]
    assert (short["data"]["redirect"], short["data"]["url"]) == (True, "/home")
    assert long["data"]["redirect"] is False
    assert "Max-Age" not in short["cookie"], "rememberMe: false ends with the browser"
    assert "Max-Age" in long["cookie"]
    assert told["still"]["data"]["user"]["id"] == short["data"]["user"]["id"]
