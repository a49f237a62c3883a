"""Which operation a route declares, and that a route without one stops the application from starting."""

import pytest
from flask import Blueprint, Flask

from app.web.callers.credentials import BearerKey
from app.web.reference.operations import Operation, Reference
from app.web.routing import current_operation, declare_operations
from app.web.wire import Wire

READ = Operation("get", "/notes/{noteId}", "Read a note", ())
ADD = Operation("post", "/notes", "Add a note", ())


def wire_of(*operations: Operation) -> tuple[Flask, Wire]:
    """An application with a wire of two routes, whose operations are those given."""
    blueprint = Blueprint("notes", __name__)
    blueprint.add_url_rule("/notes/<int:note_id>", "read", methods=["GET"])
    blueprint.add_url_rule("/notes", "add", methods=["POST"])
    wire = Wire("notes", blueprint, ("/notes",), (BearerKey(),), ("secret",), "1/minute", lambda _error: {},
                Reference("Notes", operations, {}))  # fmt: skip
    app = Flask("notes")
    app.register_blueprint(blueprint)
    return app, wire


@pytest.fixture
def app() -> Flask:
    app, wire = wire_of(READ, ADD)
    declare_operations(app, [wire])
    return app


@pytest.mark.parametrize(("declared", "missing"), [(READ, "POST /notes"), (ADD, "GET /notes/<int:note_id>")])
def test_a_route_without_an_operation_stops_the_application_from_starting(declared, missing) -> None:
    app, wire = wire_of(declared)
    with pytest.raises(ValueError, match=f"^the wire 'notes' declares no operation for {missing}$"):
        declare_operations(app, [wire])


def test_an_operation_without_a_route_stops_it_too() -> None:
    app, wire = wire_of(READ, ADD, Operation("delete", "/notes/{noteId}", "Remove a note", ()))
    with pytest.raises(ValueError, match=r"^the wire 'notes' has no route for DELETE /notes/\{noteId\}$"):
        declare_operations(app, [wire])


@pytest.mark.parametrize("method", ["OPTIONS", "HEAD"])
def test_a_route_for_what_flask_answers_by_itself_has_to_be_declared_as_well(method) -> None:
    app, wire = wire_of(READ, ADD)
    app.add_url_rule("/notes/own", "notes.own", methods=[method])
    with pytest.raises(ValueError, match=f"declares no operation for {method} /notes/own"):
        declare_operations(app, [wire])


@pytest.mark.parametrize(
    ("method", "path", "operation"),
    [("GET", "/notes/7", READ), ("HEAD", "/notes/7", READ), ("POST", "/notes", ADD), ("OPTIONS", "/notes", None)],
)
def test_a_request_has_the_operation_of_its_route_and_method(app, method, path, operation) -> None:
    with app.test_request_context(path, method=method):
        assert current_operation() is operation


def test_a_request_that_leads_nowhere_has_none(app) -> None:
    with app.test_request_context("/elsewhere"):
        assert current_operation() is None
