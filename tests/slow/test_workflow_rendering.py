"""Templates that would take all time or all memory: they are stopped, and meanwhile nobody else notices."""

import os
import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import gevent
import orjson
import pytest
import requests
from support.chat_workflows import open_stream
from support.processes import children_of, command_of, computes, lives
from support.runs import LEFT, Run, ask, greenlets, say, work
from support.users import Person

from app.engine.events import ToolReturned
from app.testing.configuration import CONFIG
from app.testing.server import Server, eventually
from app.workflows.templates.rendering import RUN_SECONDS, _renderer

pytestmark = pytest.mark.alone

TOO_LONG = "A template took longer than 0.1 seconds."
TOO_MUCH = "A template took too much memory."
BROKEN = "A template broke down its process."


def doubled(name: str, times: int, width: int) -> str:
    """The beginning of loops that make a list of lists of lists, each of which holds the one before so many times."""
    inner = "".join(f"{{% for {name}{n} in [[{','.join([f'{name}{n - 1}'] * width)}]] %}}" for n in range(1, times + 1))
    return f"{{% for {name}0 in [1] %}}{inner}"


def ended(opened: str, inside: str) -> str:
    return opened + inside + "{% endfor %}" * opened.count("{% for")


def squared(times: int) -> str:
    first = "{% for b0 in [99999999999999999999] %}"
    return first + "".join(f"{{% for b{n} in [b{n - 1} * b{n - 1}] %}}" for n in range(1, times))


BOMBS = {
    "numbers that are multiplied": ended(squared(14), "{{ " + " * ".join(["b13"] * 30) + " > 0 }}"),
    "text that is quoted again and again": "{{ '\"'" + "|tojson" * 30 + "|length }}",
    "a little less of it": "{{ '\"'" + "|tojson" * 26 + "|length }}",
    "text of shared lists": ended(doubled("x", 8, 10), "{{ x8 | string | length }}"),
    "JSON of shared lists": ended(doubled("x", 8, 10), "{{ x8 | tojson | length }}"),
    "shared lists that are compared": ended(
        doubled("x", 9, 12) + doubled("y", 9, 12), "{{ x9 == y9 }}"
    ),
    "text that is joined": ended(doubled("x", 6, 10), "{{ [x6, x6, x6, x6, x6, x6, x6, x6, x6] | join | length }}"),
}  # fmt: skip
SPINS = "{% for a in input %}{% for b in input %}{% for c in input %}{% endfor %}{% endfor %}{% endfor %}"


@pytest.fixture(scope="module")
def server(tmp_path_factory) -> Iterator[Server]:
    with Server(tmp_path_factory.mktemp("rendering"), env={"API_KEY": "hunter2"}) as running:
        pid = running.worker_pid()
        yield running
        assert running.worker_pid() == pid, "a template brought the worker down"


@pytest.fixture(scope="module")
def ada(server) -> Person:
    return Person.new(server)


def make(person: Person, *steps: Any, **limits: Any) -> str:
    made = person.call("POST", "/api/workflows", {"name": "W", "steps": list(steps), "limits": limits})
    assert made.status_code == 201, made.text
    return str(made.json()["id"])


def slowest_health(server: Server, done: Any) -> float:
    """How long the server's slowest answer takes until that is true; it is asked all the time."""
    slowest = 0.0
    while not done():
        started = time.monotonic()
        assert requests.get(f"{server.url}/health", timeout=20).ok
        slowest = max(slowest, time.monotonic() - started)
        time.sleep(0.01)
    return slowest


def renderer_of(server: Server) -> int | None:
    """The process in which the server fills in templates."""
    found = [
        pid for pid in children_of(server.worker_pid()) if "app.workflows.templates.process_main" in command_of(pid)
    ]
    assert len(found) <= 1
    return found[0] if found else None


WAITING = {
    "the answer": [work("a", seconds=0.1), say("b", "{{ input }}")],
    "the answer of one in the place of another": [
        *(work("w", seconds=0.2), say("b", "Hi", "w")),
        *(ask("c", [{"fail": "overloaded"}], onError="continue"), work("d", "c", when="{{ input }}")),
    ],
}


@pytest.mark.parametrize("name", WAITING)
def test_while_others_have_their_turn_there_are_empty_batches_and_what_is_to_be_told_is_told(name) -> None:
    run = Run(*WAITING[name], heartbeat=0.05, seconds=30)
    run.turn.begin()
    batches, silent = run.turn.run(), 0
    with _renderer().queue.turn("somebody else"):
        while silent < 5:
            batch = next(batches)
            silent += not batch and bool(run.of(ToolReturned))
            run.events += batch
    run.events += [event for batch in batches for event in batch]
    run.check()
    assert (run.text, run.records.status) == ("Hi", "complete")


@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_is_a_failed_step_and_holds_up_nobody(server, ada, name) -> None:
    assert len(BOMBS[name]) <= 4000
    workflow, greeting = make(ada, say("bomb", BOMBS[name])), make(ada, say("greet", "Hello, {{ input }}."))
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(ada.stream, ada.chat(), "x", workflowId=workflow)
        slowest = slowest_health(server, asked.done)
    last = asked.result()[-1]
    assert last["error"] == "WORKFLOW_FAILED"
    why = last["message"].removeprefix("The step 'bomb' failed: ")
    assert why in (TOO_LONG, TOO_MUCH, BROKEN) or why.startswith("A template cannot be filled in: "), why
    assert slowest < 0.5
    assert ada.ask(ada.chat(), "Ada", workflowId=greeting).json()["assistantMessage"]["content"] == "Hello, Ada."


def test_what_is_quoted_too_often_does_not_take_the_servers_memory(server, ada) -> None:
    workflow = make(ada, say("bomb", BOMBS["text that is quoted again and again"]))
    before = memory_of(server.worker_pid())
    ada.stream(ada.chat(), "x", workflowId=workflow)
    assert memory_of(server.worker_pid()) < before + 50_000


def memory_of(pid: int) -> int:
    """The most that it ever had, in KiB."""
    (line,) = (each for each in Path(f"/proc/{pid}/status").read_text().splitlines() if each.startswith("VmHWM"))
    return int(line.split()[1])


def test_ten_runs_that_spin_leave_the_others_their_turn(server, ada) -> None:
    row = [say(f"a{n}", SPINS, onError="continue") for n in range(10)]
    behind = [say(f"b{n}", SPINS, f"a{n}", onError="continue") for n in range(10)]
    workflow, bob = make(ada, *row, *behind, seconds=4), Person.new(server)
    greeting, chat = make(bob, say("greet", "Hello, {{ input }}.")), bob.chat()
    chats = [ada.chat() for _ in range(10)]
    took: list[float] = []
    with ThreadPoolExecutor(12) as pool:
        spinning = [pool.submit(ada.stream, each, "y" * 3000, workflowId=workflow) for each in chats]

        def greet() -> None:
            while not all(each.done() for each in spinning):
                started = time.monotonic()
                assert bob.ask(chat, "Bob", workflowId=greeting).status_code == 201
                took.append(time.monotonic() - started)

        greeted = pool.submit(greet)
        slowest = slowest_health(server, greeted.done)
        greeted.result()
    assert slowest < 0.5
    assert took
    assert max(took) < 2, "before each of his comes at most one of hers"


def test_a_run_has_so_much_time_for_all_its_templates() -> None:
    spins = [say(f"s{n}", SPINS, *([f"s{n - 10}"] if n > 9 else []), onError="continue") for n in range(40)]
    started = time.monotonic()
    run = Run(*spins, text="x" * 3000).play()
    run.check()
    assert time.monotonic() - started < RUN_SECONDS * 4
    errors = [step.error for step in run.records.steps]
    assert (errors[0], errors[-1]) == (TOO_LONG, "The templates of a run may take 2 seconds in all.")


@pytest.mark.parametrize("steps", [[say("a", BOMBS["shared lists that are compared"])],
                                   [say("a", BOMBS["shared lists that are compared"]), ask("b", [], "a")],
                                   [say("a", "x", when=BOMBS["shared lists that are compared"])]],
                         ids=["the answer", "a step before it", "a condition"])  # fmt: skip
def test_a_caller_who_leaves_ends_the_waiting_for_a_template(steps) -> None:
    Run(say("a", "{{ input }}")).play()  # the process has started
    before = greenlets()
    run = Run(*steps)
    gevent.spawn_later(0.2, run.turn.cancel, LEFT)
    started = time.monotonic()
    run.play()
    assert time.monotonic() - started < 0.8, "and not the whole second"
    run.check()
    assert run.failed.error is LEFT
    gevent.sleep(0)
    assert greenlets() <= before


def test_a_step_that_fails_ends_the_waiting_of_those_beside_it() -> None:
    run = Run(work("a", fails=9), say("b", BOMBS["shared lists that are compared"])).play()
    run.check()
    assert run.failed.error.message == "The step 'a' failed: a is out of order"


def test_the_process_knows_nothing_of_the_servers_environment_and_is_kept(server, ada) -> None:
    greeting = make(ada, say("greet", "Hello, {{ input }}."))
    ada.ask(ada.chat(), "x", workflowId=greeting)
    pid = renderer_of(server)
    names = {entry.partition("=")[0] for entry in Path(f"/proc/{pid}/environ").read_text().split("\0") if entry}
    assert "hunter2" not in Path(f"/proc/{pid}/environ").read_text()
    assert names <= {"PYTHONPATH", "LC_CTYPE"}
    ada.ask(ada.chat(), "x", workflowId=greeting)
    assert renderer_of(server) == pid
    os.kill(pid, signal.SIGKILL)
    assert eventually(lambda: not lives(pid))
    assert ada.ask(ada.chat(), "Ada", workflowId=greeting).json()["assistantMessage"]["content"] == "Hello, Ada."


def test_what_needs_no_template_needs_no_process(start) -> None:
    server = start()
    person = Person.new(server)
    plain = make(person, say("a", "Hello."), {"id": "b", "tool": "clock", "args": {"zone": "UTC"}})
    assert person.ask(person.chat(), "x", workflowId=plain).json()["assistantMessage"]["content"] == "Hello."
    assert renderer_of(server) is None


def test_no_process_outlives_the_server_even_in_the_middle_of_a_bomb(start) -> None:
    server = start()
    person = Person.new(server)
    bomb, greeting = make(person, say("a", BOMBS["shared lists that are compared"])), make(person, say("a", "{{ 1 }}"))
    for end in (lambda: os.kill(server.worker_pid(), signal.SIGKILL), server.stop):
        eventually(lambda: requests.get(f"{server.url}/ready", timeout=30).ok, 15)
        person.ask(person.chat(), "x", workflowId=greeting)
        pid = renderer_of(server)
        with open_stream(person, person.chat(), "x", bomb):
            eventually(lambda busy=pid: computes(busy))
            end()
        eventually(lambda gone=pid: not lives(gone), 15)


def test_an_operators_workflow_goes_the_same_way(tmp_path) -> None:
    (tmp_path / "w.yaml").write_text(
        "id: 00000000-0000-4000-8000-000000000000\nname: bomb\n"
        f"steps: [{{id: a, say: {orjson.dumps(BOMBS['shared lists that are compared']).decode()}}}]"
    )
    config = f'{CONFIG}\n[workflows]\nfiles = ["w.yaml"]\n\n[agents.bomb]\nmodel = "scripted"\nworkflow = "bomb"\n'
    with Server(tmp_path, config=config) as server:
        key = server.key("secret", "bomb")
        body = {"messages": [{"role": "user", "content": "x"}]}
        with ThreadPoolExecutor(1) as pool:
            headers = {"Authorization": f"Bearer {key}"}
            asked = pool.submit(requests.post, f"{server.url}/api/chat", json=body, headers=headers, timeout=20)
            slowest = slowest_health(server, asked.done)
    assert TOO_LONG in asked.result().text
    assert slowest < 0.5
