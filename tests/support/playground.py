"""The playground as a person uses it."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from support.chromium import Chromium
from support.users import PASSWORD, Person

from app.testing.server import ROOT

CHANGES = {
    "[limits]\n": '[agents.slow]\nmodel = "scripted"\n\n'
        f'[workflows]\nfiles = ["{ROOT}/config/workflows/*.yaml"]\n\n[limits]\n',
    '[agents.open]                      # callers without a key come here\nname = "Open"\nmodel = "scripted"':
        '[agents.open]\nname = "Open"\nshow_tools = true\nmodel = "builtin"',
}  # fmt: skip

READY = "document.querySelector('#welcome')?.getAttribute('aria-busy') === 'false'"
CHAT = "document.querySelector('#sample')?.contentDocument?.querySelector('parlance-chat')?.shadowRoot"
IDLE = "document.querySelector('#tokens').textContent > 1 && !document.querySelector('#send').disabled"

VENDORS = ["openai", "messages", "responses"]
LETTERS = """It's for "Zoë" 👩‍🚀 & $KEY `id` \\n {x} ${x} %s."""
RUNS = {
    "curl": ["bash", "-ec"],
    "JavaScript": ["node", "--input-type=module", "--eval"],
    "Python": [sys.executable, "-c"],
}


def take(page: Chromium, wire: str) -> None:
    press(page, "#wires", wire)


def click(page: Chromium, selector: str) -> None:
    """Where it is, on pages longer than the window."""
    page.evaluate(f"document.querySelector('{selector}').scrollIntoView()")
    page.click(selector)


def enter(page: Chromium, selector: str, text: str) -> None:
    click(page, selector)
    page.call("Input.insertText", text=text)


def ask(page: Chromium, text: str) -> str:
    """The conversation on screen when the answer is over."""
    click(page, "#question")
    page.type(text)
    page.until(IDLE)
    return str(page.evaluate("document.querySelector('#log').innerText"))


def choose(page: Chromium, selector: str, text: str) -> None:
    page.evaluate(
        f"(list => {{ list.value = [...list.options].find(each => each.text === '{text}').value;"
        f" list.dispatchEvent(new Event('change')) }})(document.querySelector('{selector}'))"
    )


def press(page: Chromium, group: str, text: str) -> None:
    """One of several buttons."""
    page.evaluate(
        f"[...document.querySelectorAll('{group} button')].find(each => each.textContent === '{text}').click()"
    )


def shown(page: Chromium, selector: str) -> str:
    return str(page.evaluate(f"document.querySelector('{selector}').textContent"))


def sign_in(page: Chromium, person: Person) -> None:
    """Leaves the page at the chats wire, with its models and workflows."""
    take(page, "chats")
    enter(page, "#email", person.email)
    click(page, "#password")
    page.type(PASSWORD)
    page.until("document.querySelector('#workflow').options.length === 4")
    choose(page, "#model", "builtin")


def run(page: Chromium, language: str, folder: Path, python: Path | str = sys.executable, **secrets: str) -> str:
    """What the code on the page prints where it runs, with these in the environment."""
    if not shutil.which(RUNS[language][0]):
        pytest.skip(f"{RUNS[language][0]} not installed")
    press(page, "#languages", language)
    code = shown(page, "#code")
    assert not [secret for secret in secrets.values() if secret in code], "what is copied gets around"
    program = [str(python), "-c"] if language == "Python" else RUNS[language]
    ran = subprocess.run(
        [*program, code],
        cwd=folder, env={**os.environ, **secrets}, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert ran.returncode == 0, (code, ran.stdout, ran.stderr)
    return ran.stdout
