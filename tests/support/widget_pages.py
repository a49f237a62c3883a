"""Pages of a foreign site with the chat widget in them, in Chromium."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

from support.chromium import Chromium
from support.pages import served

from app.store.keys import CACHE_SECONDS
from app.testing.server import Server

HOST = "document.querySelector('parlance-chat')"
ROOT = f"{HOST}.shadowRoot"
THERE = f"!!{HOST}"  # once the server has said that the page may chat
PAGE = """<!doctype html>
<html lang="{lang}">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>A shop</title>
{head}
<main><h1>A shop</h1><p>Books, second-hand and new.</p><button id="buy">Buy</button></main>
<script src="{server}/widget.js" {attributes}></script>
</html>
"""


@dataclass
class Widget:
    """The widget of the page that is open, or of another tab, which the page knows by the name `tab`."""

    browser: Chromium
    tab: str = "window"

    def js(self, expression: str) -> Any:
        return self.browser.evaluate(self._there(expression))

    def until(self, expression: str, seconds: float = 10) -> Any:
        return self.browser.until(self._there(expression), seconds)

    def _there(self, expression: str) -> str:
        return expression if self.tab == "window" else f"with ({self.tab}) {{ {expression} }}"

    def another_tab(self) -> "Widget":
        """Of the same browser, with the same page."""
        self.browser.call("Runtime.evaluate", expression="var other = open(location.href)", userGesture=True)
        self.until(f"other.document.readyState === 'complete' && !!other.{HOST}")
        return Widget(self.browser, "other")

    def press(self, selector: str) -> None:
        """A click without the mouse, which only the tab in front has."""
        self.js(f"{ROOT}.querySelector({json.dumps(selector)}).click()")

    def click(self, selector: str) -> None:
        self.browser.click(selector, ROOT)

    def begin_anew(self) -> None:
        """A new conversation, where there is something to forget."""
        self.press(".clear")
        self.press(".begin")

    def texts(self, selector: str) -> list[str]:
        return self.js(f"[...{ROOT}.querySelectorAll({json.dumps(selector)})].map(each => each.innerText)")

    def send(self, text: str) -> bool:
        return self.js(f"ParlanceChat.send({json.dumps(text)})")

    def ask(self, text: str) -> str:
        """The finished answer, as text."""
        done = f"!{ROOT}.querySelector('.send.stop')"
        self.until(done, 30)
        count = len(self.texts("[role=log] .message"))
        assert self.send(text)
        self.until(f"{done} && {ROOT}.querySelectorAll('[role=log] .message').length >= {count + 2}", 30)
        return self.texts("[role=log] .bot .text")[-1]

    def shows(self, text: str) -> None:
        """Waits for it, in the last answer or what is said of it."""
        last = f"[...{ROOT}.querySelectorAll('.bot')].pop().innerText"
        try:
            self.until(f"{last}.includes({json.dumps(text)})", 20)
        except AssertionError as error:
            there = self.texts(".message, .status, .notice, .launcher")
            raise AssertionError(f"{error}; there is {there}, hidden: {self.js('document.hidden')}") from error

    def focused(self) -> str:
        """The class or the tag of what has the focus."""
        return self.js(f"{ROOT}.activeElement?.className || {ROOT}.activeElement?.localName")

    def reload(self) -> None:
        self.browser.reload()
        self.until(f"document.readyState === 'complete' && {THERE}")


def known_key(server: Server, agent: str = "open", *options: str) -> str:
    """A fresh widget key, whose origins the server knows by now: it reads what keys allow once in CACHE_SECONDS."""
    key = server.key("widget", agent, *options)
    time.sleep(CACHE_SECONDS)
    return key


@dataclass
class Site:
    """A folder of pages at an origin of their own, and a widget key bound to it."""

    folder: Path
    origin: str
    server: Server
    key: str
    browser: Chromium

    def visit(self, head: str = "", lang: str = "en", there: bool = True, **attributes: str) -> Widget:
        """A page with these attributes at the script tag (`data_color="red"`); `head` is more of its HTML. Where the
        widget is not to be `there`, nobody waits for it."""
        given = {"data-api-key": self.key, **{name.replace("_", "-"): value for name, value in attributes.items()}}
        tag = " ".join(f'{name}="{escape(value)}"' for name, value in given.items())
        page = PAGE.format(server=self.server.url, attributes=tag, head=head, lang=lang)
        (self.folder / "index.html").write_text(page)
        self.browser.open(f"{self.origin}/")
        self.browser.until(
            f"document.readyState === 'complete' && ({json.dumps(not there)} || !window.ParlanceChat || {THERE})"
        )
        still = {"name": "prefers-reduced-motion", "value": "reduce"}  # so that what is measured does not move
        self.browser.call("Emulation.setEmulatedMedia", features=[still])
        return Widget(self.browser)

    def opened(self, head: str = "", lang: str = "en", **attributes: str) -> Widget:
        """The same, with the chat open."""
        widget = self.visit(head, lang, **attributes)
        widget.js("ParlanceChat.open()")
        return widget


@contextmanager
def site(folder: Path, server: Server, browser: Chromium, elsewhere: str = "") -> Iterator[Site]:
    """Its pages allow the widget nothing but its script and its server (and what is at `elsewhere`). They may have
    scripts of their own beside them."""
    policy = (
        f"default-src 'none'; script-src {server.url} 'self'; connect-src {server.url} {elsewhere}; "
        "style-src 'self'; img-src 'self'; require-trusted-types-for 'script'"
    )
    (folder / "favicon.ico").touch()
    with served(folder, {"Content-Security-Policy": policy, "Cache-Control": "no-store"}) as origin:
        yield Site(folder, origin, server, known_key(server, "open", "--origin", origin), browser)
