"""What stands in front of every view: each operation of each wire, tried without what it asks for."""

import re
from collections.abc import Iterator

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app.configuration import load_configuration
from app.main import create_app
from app.web.reference.operations import Operation
from app.web.services import Services
from app.web.wire import Wire


@pytest.fixture(scope="module")
def app(tmp_path_factory) -> Flask:
    return create_app(load_configuration({"PARLANCE_HOME": str(tmp_path_factory.mktemp("home"))}))


@pytest.fixture(scope="module")
def client(app) -> FlaskClient:
    return app.test_client()


def operations(app: Flask) -> Iterator[tuple[Wire, Operation]]:
    services: Services = app.extensions["parlance"]
    for wire in services.wires.values():
        for operation in wire.reference.operations:
            yield wire, operation


def path_of(operation: Operation) -> str:
    return re.sub("{[^}]+}", "7", operation.path)


def test_every_operation_that_asks_for_a_credential_is_401_without_one(app, client) -> None:
    tried = 0
    for wire, operation in operations(app):
        if operation.credential != "none" and not wire.anonymous:
            response = client.open(path_of(operation), method=operation.method.upper(), json={})
            assert response.status_code == 401, operation.path
            tried += 1
    assert tried > 30


def test_every_operation_that_loads_a_body_takes_json_alone(app, client) -> None:
    tried = 0
    for wire, operation in operations(app):
        if operation.body is not None and (operation.credential == "none" or wire.anonymous):
            response = client.open(path_of(operation), method=operation.method.upper(), data="{}")
            assert response.status_code == 415, operation.path
            tried += 1
    assert tried > 3


def test_what_changes_something_with_a_cookie_takes_no_page_of_another_site(app, client) -> None:
    tried = 0
    headers = {"Origin": "https://elsewhere.example"}
    for wire, operation in operations(app):
        if wire.takes_cookies and operation.changes_something and operation.credential == "none":
            response = client.open(path_of(operation), method=operation.method.upper(), json={}, headers=headers)
            assert response.status_code == 403, operation.path
            tried += 1
    assert tried > 1
