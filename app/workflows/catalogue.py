"""All workflows: the configured ones, and those that users made."""

import re
from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from gevent.threadpool import ThreadPool
from marshmallow import ValidationError

from app.engine.errors import ChatError, Problem
from app.schemas.fields import MOST_MISTAKES
from app.settings.mistakes import flatten
from app.store.pages import Page
from app.store.runs import RunStore
from app.store.workflows import StoredWorkflow, WorkflowStore
from app.workflows.checks import Rules, check
from app.workflows.definition import Workflow, read
from app.workflows.run import WorkflowPlan

CACHE_SIZE = 256  # users' workflows, in versions, that are kept read and compiled


@dataclass(frozen=True, slots=True)
class CatalogueEntry:
    """A workflow's definition, as its author wrote it; one that is `shipped` is everybody's and cannot be
    changed."""

    id: str
    version: int
    definition: Mapping[str, Any]
    shipped: bool
    created_at: int | None = None
    updated_at: int | None = None

    @property
    def position(self) -> tuple[int, str]:
        """Where it stands in the list of all."""
        return self.created_at or 0, self.id


class Catalogue:
    """`rules` say what users' workflows may use."""

    def __init__(self, shipped: Iterable[Workflow], store: WorkflowStore, runs: RunStore, rules: Rules) -> None:
        self._shipped = {workflow.id: workflow for workflow in shipped}
        self._store, self._runs, self._rules = store, runs, rules
        # By id and version; the one that was used longest ago comes first.
        self._cache: OrderedDict[tuple[str, int], Workflow] = OrderedDict()
        self._thread = ThreadPool(1)

    @property
    def shipped(self) -> Sequence[Workflow]:
        """The configured workflows, in the order of their files."""
        return [*self._shipped.values()]

    def page(self, user_id: str, limit: int, after: tuple[int, str] | None = None) -> Page[CatalogueEntry]:
        """The shipped ones in the order of their files, then the user's own, oldest first: at most `limit` behind the
        one whose `position` is `after`."""
        shipped = [*map(_shipped, self._shipped.values())]
        if after:
            places = [entry.position for entry in shipped]
            shipped = shipped[places.index(after) + 1 :] if after in places else []
        shipped, more = shipped[:limit], len(shipped) > limit
        if more:
            return Page(shipped, has_more=True)
        own = self._store.page(user_id, limit - len(shipped), after if after and after[0] else None)
        return Page([*shipped, *map(_stored, own.items)], own.has_more)

    def find(self, user_id: str, workflow_id: str) -> CatalogueEntry:
        """A shipped workflow or one of the user's. Raises ChatError(NOT_FOUND), also for another user's."""
        shipped = self._shipped.get(workflow_id)
        return _shipped(shipped) if shipped else _stored(self._store.find(user_id, workflow_id))

    def read(self, entry: CatalogueEntry) -> Workflow:
        """The workflow, read. Raises ChatError(INVALID) where today's rules of the language refuse it."""
        if entry.shipped:
            return self._shipped[entry.id]
        key = entry.id, entry.version
        try:
            workflow = self._cache.pop(key, None) or self._in_thread(*key, entry.definition)
        except ValidationError as error:
            raise _outdated(entry, error) from error
        self._cache[key] = workflow
        if len(self._cache) > CACHE_SIZE:
            self._cache.popitem(last=False)
        return workflow

    def plan(self, entry: CatalogueEntry) -> WorkflowPlan:
        """The plan that runs it. Raises ChatError(INVALID) where it fails today's checks: users' workflows may have
        been allowed more when it was stored."""
        workflow = self.read(entry)
        if not entry.shipped:
            try:
                check(workflow, self._rules)
            except ValidationError as error:
                raise _outdated(entry, error) from error
        return WorkflowPlan(workflow, self._runs)

    def add(self, user_id: str, definition: Mapping[str, Any]) -> CatalogueEntry:
        """Store a workflow of the user's. Raises ValidationError, and ChatError(INVALID) where there are too many."""
        self._check("new", 1, definition)
        return _stored(self._store.add(user_id, definition))

    def change(self, user_id: str, entry: CatalogueEntry, changes: Mapping[str, Any]) -> CatalogueEntry:
        """Store a new version, in which `changes` replaces keys of the definition.

        Raises ValidationError, and ChatError: FORBIDDEN, NOT_FOUND, CHANGED.
        """
        _refuse_shipped(entry)
        definition = {**entry.definition, **changes}
        self._check(entry.id, entry.version + 1, definition)
        return _stored(self._store.change(user_id, entry.id, entry.version, definition))

    def remove(self, user_id: str, entry: CatalogueEntry) -> None:
        """Delete all versions. Raises ChatError: FORBIDDEN, NOT_FOUND."""
        _refuse_shipped(entry)
        self._store.remove(user_id, entry.id)

    def _check(self, workflow_id: str, version: int, definition: Mapping[str, Any]) -> None:
        check(self._in_thread(workflow_id, version, definition), self._rules)

    def _in_thread(self, workflow_id: str, version: int, definition: Mapping[str, Any]) -> Workflow:
        """Read the definition in a native thread: compiling many templates would hold up the other greenlets."""

        def outcome() -> Workflow | ValidationError:  # gevent prints what a thread raises
            try:
                return read(workflow_id, version, definition)
            except ValidationError as error:
                return error

        result: Workflow | ValidationError = self._thread.apply(outcome)
        if isinstance(result, ValidationError):
            raise result
        return result


def _shipped(workflow: Workflow) -> CatalogueEntry:
    return CatalogueEntry(workflow.id, workflow.version, workflow.definition, shipped=True)


def _stored(workflow: StoredWorkflow) -> CatalogueEntry:
    return CatalogueEntry(
        workflow.id,
        workflow.version,
        workflow.definition,
        shipped=False,
        created_at=workflow.created_at,
        updated_at=workflow.updated_at,
    )


def _refuse_shipped(entry: CatalogueEntry) -> None:
    if entry.shipped:
        raise ChatError(Problem.FORBIDDEN, "This workflow comes with the server and cannot be changed")


def _outdated(entry: CatalogueEntry, error: ValidationError) -> ChatError:
    """Names the step of each mistake by its id, which says more than its number in the list."""
    mistakes = []
    for place, message in islice(flatten(error.messages), MOST_MISTAKES):
        number = re.match(r"steps\.(\d+)\.", place)
        where = f"step {entry.definition['steps'][int(number[1])]['id']!r}" if number else place
        mistakes.append(f"{where}: {message.rstrip('.')}")
    return ChatError(Problem.INVALID, f"This workflow cannot be run any more: {'; '.join(mistakes)}")
