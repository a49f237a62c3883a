"""Every workflow that may be run: the configured ones, and those that users made."""

import re
from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gevent.threadpool import ThreadPool
from marshmallow import ValidationError

from app.engine.errors import ChatError, Problem
from app.settings.mistakes import flatten
from app.store.runs import RunStore
from app.store.workflows import StoredWorkflow, WorkflowStore
from app.workflows.checks import Rules, check
from app.workflows.definition import Workflow, read
from app.workflows.run import WorkflowPlan

MOST_KEPT = 256  # users' workflows that need not be read again


@dataclass(frozen=True, slots=True)
class CatalogueEntry:
    """A workflow's definition, as its author wrote it; one that is `shipped` belongs to everybody and nobody may change
    it."""

    id: str
    version: int
    definition: Mapping[str, Any]
    shipped: bool
    created_at: int | None = None
    updated_at: int | None = None


class Catalogue:
    """`rules` are for users' workflows: what they may use."""

    def __init__(self, shipped: Iterable[Workflow], store: WorkflowStore, runs: RunStore, rules: Rules) -> None:
        self._shipped = {workflow.id: workflow for workflow in shipped}
        self._store, self._runs, self._rules = store, runs, rules
        self._read: OrderedDict[tuple[str, int], Workflow] = OrderedDict()  # what was used longest ago first
        self._thread = ThreadPool(1)

    @property
    def shipped(self) -> Sequence[Workflow]:
        """The configured workflows, in the order of their files."""
        return [*self._shipped.values()]

    def all(self, user_id: str) -> list[CatalogueEntry]:
        """The shipped ones first, then the user's own."""
        return [*map(_shipped, self._shipped.values()), *map(_stored, self._store.all(user_id))]

    def find(self, user_id: str, workflow_id: str) -> CatalogueEntry:
        """Raises ChatError(NOT_FOUND), also for another user's."""
        shipped = self._shipped.get(workflow_id)
        return _shipped(shipped) if shipped else _stored(self._store.find(user_id, workflow_id))

    def read(self, known: CatalogueEntry) -> Workflow:
        """In the version of this moment. Raises ChatError(INVALID) where it is no workflow any more."""
        if known.shipped:
            return self._shipped[known.id]
        key = known.id, known.version
        try:
            workflow = self._read.pop(key, None) or self._in_thread(*key, known.definition)
        except ValidationError as error:
            raise _outdated(known, error) from error
        self._read[key] = workflow
        if len(self._read) > MOST_KEPT:
            self._read.popitem(last=False)
        return workflow

    def plan(self, known: CatalogueEntry) -> WorkflowPlan:
        """What runs it. Raises ChatError(INVALID) where it does not pass the checks of today: what users' workflows may
        use can have become less since it was stored."""
        workflow = self.read(known)
        if not known.shipped:
            try:
                check(workflow, self._rules)
            except ValidationError as error:
                raise _outdated(known, error) from error
        return WorkflowPlan(workflow, self._runs)

    def add(self, user_id: str, definition: Mapping[str, Any]) -> CatalogueEntry:
        """Raises ValidationError, and ChatError(INVALID) where the user has too many."""
        self._check("new", 1, definition)
        return _stored(self._store.add(user_id, definition))

    def change(self, user_id: str, known: CatalogueEntry, changes: Mapping[str, Any]) -> CatalogueEntry:
        """A new version, with what `changes` names in place of what was. Raises ValidationError, and ChatError:
        FORBIDDEN, NOT_FOUND, CHANGED."""
        _refuse_shipped(known)
        definition = {**known.definition, **changes}
        self._check(known.id, known.version + 1, definition)
        return _stored(self._store.change(user_id, known.id, known.version, definition))

    def remove(self, user_id: str, known: CatalogueEntry) -> None:
        """Raises ChatError: FORBIDDEN, NOT_FOUND."""
        _refuse_shipped(known)
        self._store.remove(user_id, known.id)

    def _check(self, workflow_id: str, version: int, definition: Mapping[str, Any]) -> None:
        check(self._in_thread(workflow_id, version, definition), self._rules)

    def _in_thread(self, workflow_id: str, version: int, definition: Mapping[str, Any]) -> Workflow:
        """Checking many templates takes a while, in which the other greenlets go on."""

        def contained() -> Workflow | ValidationError:  # gevent prints what a thread raises
            try:
                return read(workflow_id, version, definition)
            except ValidationError as error:
                return error

        result: Workflow | ValidationError = self._thread.apply(contained)
        if isinstance(result, ValidationError):
            raise result
        return result


def _shipped(workflow: Workflow) -> CatalogueEntry:
    return CatalogueEntry(workflow.id, workflow.version, workflow.definition, shipped=True)


def _stored(found: StoredWorkflow) -> CatalogueEntry:
    return CatalogueEntry(
        found.id,
        found.version,
        found.definition,
        shipped=False,
        created_at=found.created_at,
        updated_at=found.updated_at,
    )


def _refuse_shipped(known: CatalogueEntry) -> None:
    if known.shipped:
        raise ChatError(Problem.FORBIDDEN, "This workflow comes with the server and cannot be changed")


def _outdated(known: CatalogueEntry, error: ValidationError) -> ChatError:
    """Names each mistake's step by its id, which says more than its number."""
    listed = []
    for place, what in flatten(error.messages):
        number = re.match(r"steps\.(\d+)\.", place)
        where = f"step {known.definition['steps'][int(number[1])]['id']!r}" if number else place
        listed.append(f"{where}: {what.rstrip('.')}")
    return ChatError(Problem.INVALID, f"This workflow cannot be run any more: {'; '.join(listed)}")
