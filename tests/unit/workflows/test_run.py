"""Runs that go well: what starts when, what is heard of it and in which order, and what is recorded."""

from typing import Any

import gevent
from hypothesis import event, given, settings
from hypothesis import strategies as st
from support.fallback import Stub
from support.runs import Run, ask, greenlets, say, work

from app.engine.chunks import ModelFinished
from app.engine.events import (
    ReasoningDelta,
    ReasoningIdentified,
    ReasoningStarted,
    RoundFinished,
    RoundStarted,
    TextDelta,
    TextEnded,
    TextStarted,
    ToolCalled,
    ToolReturned,
    TurnFinished,
    TurnStarted,
)
from app.engine.messages import ProviderMetadata, ReasoningPart, TextPart, ToolCallPart, ToolResultPart, Usage
from app.providers.circuit_breaker import CircuitBreaker
from app.providers.fallback import Candidate, Fallback

SECRET = [{"text": "sec"}, {"text": "ret"}]


@st.composite
def graphs(draw: Any) -> list[dict[str, Any]]:
    """Steps of all kinds that wait for others before them, listed in any order; some fail, some are skipped."""
    steps: list[dict[str, Any]] = []
    for n in range(draw(st.integers(1, 8))):
        before = [step["id"] for step in steps]
        waits_for = draw(st.lists(st.sampled_from(before), unique=True, max_size=3)) if before else []
        more: dict[str, Any] = {"onError": draw(st.sampled_from(["continue", "continue", "fail"]))}
        if draw(st.integers(0, 3)) == 0:
            more["when"] = draw(st.sampled_from(["{{ true }}", "no: {{ input }}", "{{ 1 > 2 }}", "{{ 0 }}"]))
        kind = draw(st.sampled_from(["work", "work", "say", "ask"]))
        fails = draw(st.sampled_from([0, 0, 0, 1, 9]))
        if kind == "work":
            more |= {"retries": 1} if fails == 1 and draw(st.booleans()) else {}
            pause = draw(st.sampled_from([0, 0.001, 0.003, 0.01]))
            steps.append(work(f"s{n}", *waits_for, seconds=pause, fails=fails, **more))
        elif kind == "say":
            steps.append(say(f"s{n}", "{{ 1 / 0 }}" if fails else f"[s{n} says]", *waits_for, **more))
        else:
            played = [{"fail": "upstream_failed"}] if fails else [{"text": f"[s{n}"}, {"pause": 0.001}, {"text": "]"}]
            steps.append(ask(f"s{n}", played, *waits_for, **more))
    return draw(st.permutations(steps))


def expected(steps: list[dict[str, Any]]) -> dict[str, str]:
    """How each step ends, where none is stopped."""
    ends: dict[str, str] = {}
    for step in sorted(steps, key=lambda step: step["id"]):  # in which each stands behind those that it waits for
        before = [ends[other] for other in step["dependsOn"]]
        skipped = (before and set(before) == {"skipped"}) or step.get("when") in ("{{ 1 > 2 }}", "{{ 0 }}")
        fails = step.get("args", {}).get("fails", 0) > step.get("retries", 0)
        fails = fails or "fail" in step.get("prompt", "") or "1 / 0" in step.get("say", "")
        ends[step["id"]] = "skipped" if skipped else "failed" if fails else "complete"
    return ends


def answer(steps: list[dict[str, Any]], ends: dict[str, str]) -> str:
    complete = [step for step in steps if ends[step["id"]] == "complete"]
    spoke = [step for step in complete if "tool" not in step]
    if spoke:
        return spoke[-1].get("say") or f"[{spoke[-1]['id']}]"
    return f'{{"done":"{complete[-1]["id"]}"}}' if complete else ""


@settings(deadline=None, max_examples=100)
@given(graphs())
def test_whatever_the_graph_each_step_has_its_turn_and_the_answer_is_the_same(steps) -> None:
    ends = expected(steps)
    stops = [step["id"] for step in steps if step["onError"] == "fail" and ends[step["id"]] == "failed"]
    run = Run(*steps).play()
    run.check()
    event("fails" if stops else "completes")
    recorded = run.records.statuses()
    for step in steps:
        begun = run.work.begun[step["id"]]
        tries = (
            0
            if ends[step["id"]] == "skipped"
            else 1 + min(step.get("args", {}).get("fails", 0), step.get("retries", 0))
        )
        assert begun == tries if "tool" in step and not stops else begun <= tries
    if stops:
        assert run.records.status == "failed"
        assert run.failed.error.message == run.records.error
        assert recorded == {step_id: ends[step_id] for step_id in recorded}
        assert any(recorded.get(step_id) == "failed" for step_id in stops)
    else:
        assert (run.records.status, run.records.error) == ("complete", None)
        assert recorded == ends
        assert run.text == run.stored.text == answer(steps, ends)
        assert isinstance(run.events[-1], TurnFinished)


def test_a_run_is_told_from_its_start_to_its_end_in_order() -> None:
    run = Run(work("a"), ask("b", [{"text": "Hel"}, {"text": "lo"}], "a")).play()
    run.check()
    assert [type(each) for each in run.events] == [
        *(TurnStarted, RoundStarted, ToolCalled, ToolReturned, TextStarted, TextDelta, TextDelta, TextEnded),
        *(RoundFinished, TurnFinished),
    ]
    called, returned = run.of(ToolCalled, ToolReturned)
    answer_id = run.events[0].answer_id
    assert called == ToolCalled(f"a_{answer_id[:8]}", "work", {"id": "a"})
    assert returned == ToolReturned(called.call_id, "work", {"done": "a"})
    assert run.stored.parts == (
        ToolCallPart(called.call_id, "work", {"id": "a"}),
        ToolResultPart(called.call_id, "work", {"done": "a"}, False),
        TextPart("Hello"),
    )
    assert run.events[-1].message == run.stored


def test_what_a_steps_model_wants_back_with_its_call_is_kept_and_told_to_nobody() -> None:
    signed = ProviderMetadata({"signature": "x"})
    calling = [[ReasoningDelta("H"), ReasoningDelta("m"), ReasoningIdentified(signed)]]
    calling += [[ToolCalled("c", "work", {"id": "q"}, signed), ModelFinished("tool-calls", Usage())]]
    telling = [[ReasoningDelta("So"), ReasoningIdentified(signed), TextDelta("x"), ModelFinished("stop", Usage())]]
    model = Fallback([Candidate(Stub(calling, telling), CircuitBreaker("scripted", 9, 1))], 0)
    run = Run(ask("a", [], tools=["work"]), say("b", "Hello", "a"), model=model).play()
    kept = ProviderMetadata({"signature": "x"}, "scripted")
    thought, call, *_, said = run.stored.parts
    assert (thought, call.metadata, said) == (ReasoningPart("Hm", kept, shown=False), kept, TextPart("Hello"))
    assert len(run.stored.parts) == 4, "its last thoughts stand before no call"
    assert run.of(ReasoningStarted, ReasoningDelta) == []


def test_steps_that_wait_for_nobody_run_side_by_side() -> None:
    run = Run(work("slow", seconds=0.3), work("quick", seconds=0.01), work("next", "quick", seconds=0.01)).play()
    run.check()
    assert run.work.over == ["quick", "next", "slow"]
    assert run.text == '{"done":"next"}', "the last in the list, not in time"


def test_tokens_of_the_answer_come_one_by_one_while_other_steps_still_work() -> None:
    tokens = [{"text": f"{n} ", "every": 0.02} for n in range(8)]
    run = Run(work("slow", seconds=1), ask("b", tokens)).play()
    run.check()
    spoken = [(at, [each.text for each in batch if isinstance(each, TextDelta)]) for at, batch in run.batches]
    spoken = [(at, texts) for at, texts in spoken if texts]
    assert [texts for _, texts in spoken] == [[f"{n} "] for n in range(8)]
    (came_back,) = [at for at, batch in run.batches if any(isinstance(each, ToolReturned) for each in batch)]
    assert spoken[-1][0] < came_back, "all was heard before the other step was over"


def test_what_other_steps_tell_meanwhile_comes_between_the_tokens() -> None:
    tokens = [{"text": f"{n} ", "every": 0.05} for n in range(8)]
    run = Run(work("a", seconds=0.15), ask("b", tokens)).play()
    kinds = [type(each) for each in run.events if isinstance(each, TextDelta | ToolReturned)]
    assert TextDelta in kinds[: kinds.index(ToolReturned)]
    assert TextDelta in kinds[kinds.index(ToolReturned) :]


def test_the_text_of_a_model_that_does_not_answer_is_never_heard() -> None:
    thinks = ask("thinks", [{"reasoning": "secret"}, *SECRET])
    run = Run(thinks, ask("b", [{"text": "{{ steps.thinks.result | length }}"}], "thinks")).play()
    run.check()
    assert "secret" not in repr(run.events) + repr(run.store.answers)
    assert run.text == "6"
    assert {each.step_id: each.result for each in run.records.steps} == {"thinks": "secret", "b": "6"}


def test_the_calls_of_a_model_that_does_not_answer_are_told_under_ids_of_their_own() -> None:
    calls = [{"call": "work", "args": {"id": name}} for name in ("x", "y")]
    first, second = (ask(name, [*calls, {"text": "secret"}], tools=["work"]) for name in "ab")
    run = Run(first, second, say("c", "said", "a", "b")).play()
    run.check()
    assert len(run.of(ToolCalled)) == 4
    assert run.text == "said"
    assert "secret" not in repr(run.events)


def test_what_all_models_took_adds_up_and_the_last_says_how_it_ended() -> None:
    run = Run(ask("a", [{"text": "x", "times": 3}]), ask("b", [{"text": "y"}, {"finish": "length"}], "a")).play()
    assert run.events[-1].usage == Usage(2, 4)
    assert (run.events[-1].finish_reason, run.turn.generation.model) == ("length", "scripted")
    assert run.turn.generation.first_token


def test_a_silent_step_is_bridged_with_empty_batches() -> None:
    run = Run(
        work("a", seconds=0.5), ask("b", [{"text": "x"}, {"pause": 0.5}, {"text": "y"}], "a"), heartbeat=0.1
    ).play()
    run.check()
    kinds = ["" if not batch else type(batch[0]).__name__ for _, batch in run.batches]
    assert kinds[: kinds.index("ToolReturned")].count("") >= 2
    assert kinds[kinds.index("ToolReturned") :].count("") >= 2


def test_a_run_leaves_no_greenlet_behind() -> None:
    before = greenlets()
    run = Run(work("a", seconds=0.01), ask("b", SECRET), say("c", "x", "a"), seconds=50).play()
    run.check()
    assert greenlets() <= before


def test_so_many_steps_run_at_once_and_the_others_when_one_of_them_is_over() -> None:
    roots = [say("r0", "x"), say("r1", "x")]
    rows = [work(f"{root}_{n}", root, seconds=0.1) for root in ("r0", "r1") for n in range(10)]
    run = Run(*roots, *rows, say("end", "done", *(step["id"] for step in rows)))
    most = 0

    def watch() -> None:
        nonlocal most
        while True:
            most = max(most, run.work.busy.total())
            gevent.sleep(0.005)

    watcher = gevent.spawn(watch)
    run.play()
    watcher.kill()
    run.check()
    assert (most, len(run.work.over), run.text) == (10, 20, "done")
