"""Users' own workflows and their versions."""

import pytest
from support.database import ask, rows
from support.fakes import problem_of

from app.engine.errors import Problem
from app.store.runs import RunStore
from app.store.workflows import MOST_VERSIONS, MOST_WORKFLOWS, WorkflowStore


@pytest.fixture
def workflows(database) -> WorkflowStore:
    return WorkflowStore(database)


def test_a_change_makes_the_next_version_and_none_where_another_came_first(workflows, ada) -> None:
    made = workflows.add(ada, {"name": "1"})
    changed = workflows.change(ada, made.id, 1, {"name": "2"})
    assert (changed.version, changed.created_at) == (2, made.created_at)
    assert problem_of(lambda: workflows.change(ada, made.id, 1, {"name": "3"})) is Problem.CHANGED
    assert workflows.find(ada, made.id) == changed
    assert workflows.page(ada, 10).items == [changed]


def test_another_users_workflow_is_not_found_and_stays(workflows, ada, bob) -> None:
    made = workflows.add(ada, {"name": "1"})
    tries = (
        lambda: workflows.find(bob, made.id),
        lambda: workflows.change(bob, made.id, 1, {}),
        lambda: workflows.remove(bob, made.id),
    )
    assert [problem_of(each) for each in tries] == [Problem.NOT_FOUND] * 3
    assert (workflows.page(ada, 10).items, workflows.page(bob, 10).items) == ([made], [])
    workflows.remove(ada, made.id)
    assert problem_of(lambda: workflows.find(ada, made.id)) is Problem.NOT_FOUND


def test_a_user_can_have_so_many_workflows_and_no_more(workflows, ada, bob) -> None:
    for _ in range(MOST_WORKFLOWS):
        workflows.add(ada, {})
    assert problem_of(lambda: workflows.add(ada, {})) is Problem.INVALID
    workflows.add(bob, {})


def test_the_last_versions_are_kept_and_those_that_runs_refer_to(conversations, database, workflows, ada) -> None:
    made = workflows.add(ada, {"name": "1"})
    RunStore(database).begin("r", ask(conversations, q="x")[0], made.id, 3)
    for version in range(1, MOST_VERSIONS + 10):
        workflows.change(ada, made.id, version, {"name": f"{version + 1}"})
    kept = [version for (version,) in rows(database, "SELECT version FROM workflow_versions ORDER BY version")]
    assert kept == [3, *range(11, MOST_VERSIONS + 11)]
    assert workflows.find(ada, made.id).definition == {"name": f"{MOST_VERSIONS + 10}"}
