"""The contract suites, inherited in another repository: what keeps the promises passes, what breaks one does not."""

import os
import re
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

import pytest

from app.testing.provider_suite import ProviderSuite
from app.testing.server import ROOT
from app.testing.wire_suite import StreamSuite

FORGETFUL = """
from test_plain import Plain

import pytest
from app.testing.wire_suite import StreamSuite


class Forgetful(Plain):
    path = "/forgetful"
    name = "forgetful"


class TestForgetful(StreamSuite):
    @pytest.fixture
    def wire(self):
        return Forgetful()
"""

PARROT = '''
import gevent
import pytest
from gevent.event import Event

from app.engine.chunks import ModelFinished
from app.engine.events import TextDelta, ToolCalled
from app.engine.messages import Usage
from app.testing.provider_suite import ProviderSuite, Scenario


class Parrot:
    """Repeats the question, or calls the clock for each of its words first."""

    def __init__(self, pause=0.0, calls=False):
        self.pause, self.calls = pause, calls

    def open(self, prompt, heartbeat):
        words = prompt.messages[0].text.split()
        if self.calls and len(prompt.messages) == 1:
            said = [ToolCalled(f"call-{number}", "clock", {}) for number in range(len(words))]
            reason = "tool-calls"
        else:
            said = [TextDelta(word) for word in words[: prompt.options.max_tokens]]
            reason = "stop" if len(said) == len(words) else "length"
        finished = ModelFinished(reason, Usage(len(prompt.messages), len(said)))
        return self.stream([*said, finished], self.pause, heartbeat)

    @staticmethod
    def stream(chunks, pause, heartbeat):
        return ParrotStream(chunks, pause, heartbeat)


class ParrotStream:
    def __init__(self, chunks, pause, heartbeat):
        self.chunks, self.pause, self.heartbeat = chunks, pause, heartbeat
        self.closed = Event()

    def close(self):
        self.closed.set()

    def __iter__(self):
        for chunk in self.chunks:
            if self.closed.is_set():
                return
            yield [chunk]
            for _ in range(round(self.pause / self.heartbeat)):
                if self.closed.wait(self.heartbeat):
                    return
                yield []


class TestParrot(ProviderSuite):
    model = Parrot

    @pytest.fixture
    def speaking(self):
        return Scenario(self.model(), "one two three")

    @pytest.fixture
    def silent(self):
        return Scenario(self.model(pause=120), "one two three")

    @pytest.fixture
    def calling(self):
        return Scenario(self.model(calls=True), "What time is it?")


class EndlessStream(ParrotStream):
    def __iter__(self):
        while not self.closed.is_set():
            yield []


class Endless(Parrot):
    @staticmethod
    def stream(chunks, pause, heartbeat):
        return EndlessStream(chunks, pause, heartbeat)


class TestEndless(TestParrot):
    model = Endless
    test_seconds = 0.5
'''


PAGE = (ROOT / "docs" / "adding-a-wire.md").read_text()


def write_repository(folder: Path) -> None:
    """The files of docs/adding-a-wire.md, the wire a second time without its terminator, and a provider."""
    files = re.findall(r"^`((?:app/wires/plain/)?\w+\.py)`.*\n(?:.+\n)*\n```python\n((?s:.*?))^```", PAGE, re.MULTILINE)
    contents = {name.removeprefix("app/"): code for name, code in files}
    for name, code in list(contents.items()):
        if name.startswith("wires/plain/"):
            renamed = code.replace("app.wires.plain", "app.wires.forgetful").replace('"plain"', '"forgetful"')
            renamed = renamed.replace("/echo-chat", "/forgetful").replace("20/minute", "9999/minute")
            contents[name.replace("plain", "forgetful")] = renamed.replace('lines += b".\\n"', "pass")
    for name, code in {**contents, "test_forgetful.py": FORGETFUL, "test_parrot.py": PARROT}.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(code)


def run_pytest(folder: Path) -> str:
    """What it prints in the other repository, of all that should pass and of one test for each that should not."""
    command = [sys.executable, "-m", "pytest", "-rA", "-W", "error", "--strict-markers", "-p", "no:cacheprovider"]
    tests = [
        *("test_plain.py", "test_parrot.py::TestParrot"),
        "test_forgetful.py::TestForgetful::test_a_plain_answer_arrives_and_is_stored_as_it_was_said",
        "test_parrot.py::TestEndless::test_an_answer_is_text_and_then_one_last_chunk_with_the_usage",
    ]
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    ran = subprocess.run([*command, *tests], cwd=folder, env=env, capture_output=True, text=True, check=False)
    return ran.stdout + ran.stderr


def passing(suite: type) -> set[tuple[str, str]]:
    """The names of a suite's tests, each with its outcome."""
    return {(name, "PASSED") for name in dir(suite) if name.startswith("test_") and callable(getattr(suite, name))}


@pytest.mark.timed
def test_what_keeps_the_promises_passes_in_another_repository_and_what_breaks_one_does_not(tmp_path) -> None:
    write_repository(tmp_path)
    output = run_pytest(tmp_path)
    outcomes = defaultdict(set)
    for outcome, suite, name in re.findall(r"^(PASSED|FAILED|ERROR) \S+::(\w+)::(\w+)", output, re.MULTILINE):
        outcomes[suite].add((name, outcome))
    assert outcomes["TestPlain"] == passing(StreamSuite), output
    assert f"\n{output.count('PASSED test_plain.py::')} passed in" in PAGE, "the page shows how many there are"
    assert outcomes["TestParrot"] == passing(ProviderSuite), output
    [(_, forgetful)], [(_, endless)] = outcomes["TestForgetful"], outcomes["TestEndless"]
    assert forgetful == endless == "FAILED", output
    assert re.search(r"assert \(.*, False, None\) == \(.*, True, None\)", output), "the terminator never came"
    assert "AssertionError: not over after 0.5 s" in output
