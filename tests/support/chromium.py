"""Debian's Chromium without a window, driven by its DevTools protocol over a pipe: JSON messages with a NUL behind."""

import base64
import json
import os
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from multiprocessing.connection import wait
from pathlib import Path
from typing import Any

FLAGS = (
    "--headless=new",
    "--no-sandbox",  # it sees no pages but ours, and refuses to run as root otherwise
    "--remote-debugging-pipe",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--no-first-run",
    "--host-resolver-rules=MAP *.test 127.0.0.1",  # over http, such a name is less to a browser than this machine
    "--window-size=800,900",
)

SHOWN = (
    "document.body.innerText + [...document.querySelectorAll('*')].map(each => each.shadowRoot?.textContent).join('')"
)
LEFT = -32000  # the code of what was asked of a page that has gone meanwhile
SILENCE_SECONDS = 60  # axe-core looks at the whole reference without a word, on a busy machine for 20 s
KEYS = {"Enter": (13, "\r"), "Escape": (27, ""), "Tab": (9, "")}  # the virtual key code, and what it types


class RefusedError(AssertionError):
    """A command that Chromium did not carry out."""

    def __init__(self, method: str, error: Mapping[str, Any]) -> None:
        super().__init__(f"{method}: {error}")
        self.code = error["code"]


class Chromium:
    """`events` are those of the page that is open, oldest first."""

    def __init__(self, commands: int, replies: int) -> None:
        self._commands, self._replies = commands, replies
        self._rest = b""
        self._number = 0
        self._session: str | None = None
        self._context: str | None = None
        self.events: list[dict[str, Any]] = []

    def open(self, url: str) -> None:
        """In a window that knows nothing of the one before, which is closed: what moves in it would cost time."""
        self.close_pages()
        context = self.call("Target.createBrowserContext")["browserContextId"]
        self._context = context
        target = self.call("Target.createTarget", url="about:blank", browserContextId=context)["targetId"]
        self._session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        self.events.clear()
        for domain in ("Network", "Page", "Runtime"):
            self.call(f"{domain}.enable")
        self.call("Page.navigate", url=url)

    def close_pages(self) -> None:
        """The window with all its tabs, and what they keep."""
        self._session = None
        if self._context:
            self._send("Target.disposeBrowserContext", {"browserContextId": self._context})  # a busy one takes its time
            self._context = None
        self.events.clear()

    def close(self) -> None:
        self._session = None
        self.call("Browser.close")

    def call(self, method: str, **params: Any) -> dict[str, Any]:
        self._send(method, params)
        while (reply := self._receive()).get("id") != self._number:
            pass
        if "error" in reply:
            raise RefusedError(method, reply["error"])
        result: dict[str, Any] = reply["result"]
        return result

    def _send(self, method: str, params: Mapping[str, Any]) -> None:
        """Without waiting for the reply, which has the number."""
        self._number += 1
        message = {"id": self._number, "method": method, "params": params}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._commands, json.dumps(message).encode() + b"\0")

    def evaluate(self, expression: str) -> Any:
        """The value of JavaScript in the page."""
        told = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in told, told["exceptionDetails"]
        return told["result"].get("value")

    def until(self, expression: str, seconds: float = 10) -> Any:
        """Its value, as soon as it is true, of this page or of one that takes its place."""
        deadline = time.monotonic() + seconds
        while not (value := self._glimpse(expression)):
            assert time.monotonic() < deadline, f"{expression} is not true of: {self.evaluate(SHOWN)}"
            time.sleep(0.02)
        return value

    def _glimpse(self, expression: str) -> Any:
        """Its value, or None where the page has been left before it was told."""
        try:
            return self.evaluate(expression)
        except RefusedError as refused:
            if refused.code != LEFT:
                raise
            return None

    def reload(self, **params: Any) -> None:
        """Returns when the new page has taken the old one's place: what is asked before, the old one answers."""
        seen = self._arrivals()
        self.call("Page.reload", **params)
        while self._arrivals() == seen:
            self._receive()

    def _arrivals(self) -> int:
        """How many pages have come into this window; frames within them are not counted."""
        frames = [event["params"]["frame"] for event in self.events if event["method"] == "Page.frameNavigated"]
        return sum("parentId" not in frame for frame in frames)

    def type(self, text: str) -> None:
        """Into what has the focus, with Enter behind it."""
        self.call("Input.insertText", text=text)
        self.press("Enter")

    def press(self, key: str, *, shift: bool = False) -> None:
        """A key that is named in `KEYS`."""
        code, text = KEYS[key]
        named = {"key": key, "code": key, "windowsVirtualKeyCode": code, "modifiers": 8 if shift else 0}
        self.call("Input.dispatchKeyEvent", type="keyDown", text=text, **named)
        self.call("Input.dispatchKeyEvent", type="keyUp", **named)

    def click(self, selector: str, root: str = "document") -> None:
        """With the mouse, where it stands. `root` is JavaScript: the document, or a shadow root."""
        box = f"{root}.querySelector({json.dumps(selector)})?.getBoundingClientRect()"
        place = self.until(f"(box => box && [box.x + box.width / 2, box.y + box.height / 2])({box})")
        for kind in ("mousePressed", "mouseReleased"):
            self.call("Input.dispatchMouseEvent", type=kind, x=place[0], y=place[1], button="left", clickCount=1)

    def screenshot(self, path: Path) -> None:
        path.write_bytes(base64.b64decode(self.call("Page.captureScreenshot")["data"]))

    def requests(self, url: str) -> list[Mapping[str, Any]]:
        """What was sent to `url`, preflights too."""
        sent = [event["params"]["request"] for event in self.events if event["method"] == "Network.requestWillBeSent"]
        return [request for request in sent if request["url"] == url]

    def _receive(self) -> dict[str, Any]:
        while b"\0" not in self._rest:
            assert wait([self._replies], SILENCE_SECONDS), "Chromium says nothing"
            data = os.read(self._replies, 1 << 20)
            assert data, "Chromium has ended"
            self._rest += data
        message, _, self._rest = self._rest.partition(b"\0")
        received: dict[str, Any] = json.loads(message)
        if "method" in received and received.get("sessionId") == self._session:
            self.events.append(received)
        return received


@contextmanager
def chromium(program: str, home: Path) -> Iterator[Chromium]:
    """It reads commands from its descriptor 3 and writes to 4. `home` is for its profile."""
    theirs_in, commands = os.pipe()
    replies, theirs_out = os.pipe()
    command = [
        "bash",
        "-c",
        f'exec "$@" 3<&{theirs_in} 4>&{theirs_out}',
        "bash",
        program,
        *FLAGS,
        f"--user-data-dir={home}",
    ]
    with (home / "log").open("wb") as log:
        process = subprocess.Popen(command, pass_fds=[theirs_in, theirs_out], stdout=log, stderr=log)
    os.close(theirs_in)
    os.close(theirs_out)
    try:
        browser = Chromium(commands, replies)
        yield browser
        browser.close()
        process.wait(20)
    finally:
        if process.poll() is None:
            process.kill()
            process.wait(20)
        os.close(commands)
        os.close(replies)
