"""Users, their workflows, runs and things, at random: nobody ever reads, runs, changes or deletes what is another's.

Chats are for test_chat_permissions.py.
"""

from dataclasses import dataclass

import requests
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test
from support.users import COOKIE, Person

from app.testing.server import Server

LIMITS = {'chats = "100000/minute"\n': 'chats = "100000/minute"\nthings = "100000/minute"\n'}
any_number = st.integers(0, 2**16)
WAYS = {
    "workflow": ["read", "change", "draw", "run", "stream", "list", "delete"],
    "run": ["read", "list"],
    "thing": ["change", "list", "delete"],
}
KINDS = st.one_of(*(st.tuples(st.just(kind), st.sampled_from(ways)) for kind, ways in WAYS.items()))


@dataclass
class Owned:
    """`name` is what it was called last, None once it is deleted; a run has its chat's id for a name."""

    kind: str
    id: str
    owner: Person
    name: str | None


class Possessions(RuleBasedStateMachine):
    server: Server
    refused = allowed = 0

    def __init__(self) -> None:
        super().__init__()
        self.people = [Person.new(self.server) for _ in range(3)]
        self.owned: list[Owned] = []
        self.serial = 0

    def teardown(self) -> None:
        for person in self.people:
            self.agree(person)
            person.http.close()

    @initialize()
    def each_begins_with_one_of_each(self) -> None:
        for user in range(3):
            self.make_workflow(user=user)
            self.make_thing(user=user)
            self.attempt(self.people[user], "workflow", "run", self.own(self.people[user], "workflow")[0])

    @rule(user=any_number)
    def make_workflow(self, *, user: int) -> None:
        person, name = self.people[user % 3], self.name(self.people[user % 3])
        made = person.call("POST", "/api/workflows", written(name))
        self.owned.append(Owned("workflow", made.json()["id"], person, name))

    @rule(user=any_number)
    def make_thing(self, *, user: int) -> None:
        person, name = self.people[user % 3], self.name(self.people[user % 3])
        made = self.stuff(person, "POST", "", {"name": name})
        self.owned.append(Owned("thing", str(made.json()["id"]), person, name))

    @rule(tries=st.lists(st.tuples(any_number, KINDS, st.booleans(), any_number), min_size=5, max_size=10))
    def try_all(self, *, tries: list[tuple[int, tuple[str, str], bool, int]]) -> None:
        for user, (kind, way), own, which in tries:
            person = self.people[user % 3]
            found = [each for each in self.owned if each.kind == kind and (each.owner is person) == own]
            if found:
                self.try_it(person, way, found[which % len(found)])

    def try_it(self, person: Person, way: str, what: Owned) -> None:
        theirs, gone = what.owner is person, what.name is None
        response = self.attempt(person, what.kind, way, what)
        for other in self.people:
            assert other is person or other.email not in response.text, (what.kind, way)
        if way == "list" and what.kind != "run":
            assert response.ok
            shown = f'"id":{what.id},' if what.kind == "thing" else what.id
            assert (shown in response.text) == (theirs and not gone)
        elif theirs and not gone:
            assert response.ok, (what.kind, way, response.text)
            type(self).allowed += 1
        else:
            of_a_chat = what.kind == "run" and way == "list"
            assert response.status_code == (403 if of_a_chat else 404), (what.kind, way, response.text)
            type(self).refused += 1

    def attempt(self, person: Person, kind: str, way: str, what: Owned) -> requests.Response:
        """Do it, and remember what came of it."""
        mine = what.owner is person and what.name is not None
        name = self.name(person)
        if kind == "thing":
            method, body = {"change": ("PUT", {"name": name}), "list": ("GET", None), "delete": ("DELETE", None)}[way]
            response = self.stuff(person, method, "" if way == "list" else f"/{what.id}", body)
        elif kind == "run":
            path = f"/api/workflow-runs/{what.id}" if way == "read" else f"/api/chats/{what.name}/workflow-runs"
            return person.call("GET", path)
        else:
            response = self.with_workflow(person, way, what, name)
        if mine and way in ("change", "delete"):
            what.name = name if way == "change" else None
        return response

    def with_workflow(self, person: Person, way: str, what: Owned, name: str) -> requests.Response:
        path = f"/api/workflows/{what.id}"
        if way in ("run", "stream"):
            chat = person.chat()
            path = f"/api/chats/{chat}/messages{'/stream' if way == 'stream' else ''}"
            response = person.call("POST", path, person.message("Go", workflowId=what.id))
            if way == "run" and response.ok:
                self.owned.append(Owned("run", response.json()["workflowRunId"], person, chat))
            return response
        asked: dict[str, tuple[str, str, object]] = {
            "read": ("GET", path, None),
            "draw": ("GET", f"{path}/diagram", None),
            "change": ("PATCH", path, written(name)),
            "delete": ("DELETE", path, None),
            "list": ("GET", "/api/workflows", None),
        }
        return person.call(*asked[way])

    def stuff(self, person: Person, method: str, path: str, body: object = None) -> requests.Response:
        """At an address of its own, with the session's token as a login would give it."""
        headers = {"Authorization": f"Bearer {person.http.cookies[COOKIE]}", "Cookie": None}
        return person.http.request(
            method,
            f"{self.server.url}/stuff{path}",
            json=body,
            headers=headers,
            timeout=30,  # type: ignore[arg-type]
        )

    def agree(self, person: Person) -> None:
        """They see what is theirs, all of it, as they have left it."""
        workflows = person.call("GET", "/api/workflows").json()["workflows"]
        assert {each["id"]: each["name"] for each in workflows} == self.names(person, "workflow")
        assert {f"{each['id']}": each["name"] for each in self.stuff(person, "GET", "").json()} == self.names(
            person, "thing"
        )
        for run in self.own(person, "run"):
            assert person.call("GET", f"/api/workflow-runs/{run.id}").json()["chatId"] == run.name

    def own(self, person: Person, kind: str) -> list[Owned]:
        return [each for each in self.owned if (each.kind, each.owner) == (kind, person) and each.name is not None]

    def names(self, person: Person, kind: str) -> dict[str, str | None]:
        return {each.id: each.name for each in self.own(person, kind)}

    def name(self, person: Person) -> str:
        self.serial += 1
        return f"{self.serial} of {person.email}"


def written(name: str) -> dict[str, object]:
    return {"name": name, "steps": [{"id": "a", "say": f"said by {name}"}]}


def test_nobody_gets_at_what_is_anothers_whatever_they_try(start) -> None:
    server = start(changes=LIMITS)
    Bound = type("Bound", (Possessions,), {"server": server})  # noqa: N806 - a class
    run_state_machine_as_test(
        Bound,
        settings=settings(
            max_examples=8,
            stateful_step_count=15,
            deadline=None,
            derandomize=True,
            database=None,
            phases=[Phase.generate],  # to shrink a failure would take minutes
            report_multiple_bugs=False,
            suppress_health_check=list(HealthCheck),
        ),
    )
    assert min(Bound.refused, Bound.allowed) > 30
