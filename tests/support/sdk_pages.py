"""A page with a stock `useChat` in it (tests/clients/npm/page.jsx, and what Vue and Svelte have of it), in Chromium."""

import subprocess
from dataclasses import dataclass
from pathlib import Path

from support.chromium import Chromium
from support.sdk import NPM, installed

OPTIONS = ("--bundle", "--jsx=automatic", '--define:process.env.NODE_ENV="production"', "--log-level=warning")
STATUS = "document.querySelector('main')?.dataset.status"
ANSWERS = "[...document.querySelectorAll('.assistant')].map(each => each.innerText)"
LAST = "([...document.querySelectorAll('.assistant')].at(-1)?.innerText ?? '')"
ANSWERED = "document.querySelector('main > article:nth-last-of-type(1)')?.className === 'assistant'"
ERROR = "document.querySelector('.error')?.innerText"


def aliases(version: str) -> tuple[str, ...]:
    """esbuild's, for a version of the SDK; the packages of 5 have their own names."""
    return () if version == "5" else (f"--alias:@ai-sdk/react=@ai-sdk/react-{version}", f"--alias:ai=ai-{version}")


def build_page(folder: Path, version: str) -> None:
    """Into the folder `version` in it: React's with that version of the SDK, or `vue` or `svelte` with the newest."""
    (folder / version).mkdir()
    (folder / version / "index.html").write_text((NPM / "page.html").read_text())
    script = folder / version / "page.js"
    command = ["node_modules/.bin/esbuild", *OPTIONS, f"--outfile={script}"]
    match version:
        case "svelte":
            command = ["node", "build-svelte.mjs", f"{script}"]
        case "vue":
            command.append("page-vue.js")
        case _:
            command += ["page.jsx", *aliases(version)]
    subprocess.run(command, cwd=installed(), check=True, timeout=60)


@dataclass
class Page:
    """The page in the browser, talking to an agent."""

    browser: Chromium
    api: str

    def ask(self, text: str) -> None:
        self.browser.until(f"['ready', 'error'].includes({STATUS})")
        self.browser.click("input")
        self.browser.type(text)

    def answered(self) -> str:
        """The last answer, when it is there."""
        self.browser.until(f"{STATUS} === 'ready' && {ANSWERED}")
        said: str = self.browser.evaluate(LAST)
        return said
