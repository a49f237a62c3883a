"""GET /openapi.json and GET /docs: what every wire takes and answers, for programs and for people."""

import hashlib
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from typing import Any

import orjson
from flask import Blueprint, Flask, Response, render_template
from gevent.threadpool import ThreadPool

from app.web import health
from app.web.reference.html import STYLE, prose, sections
from app.web.reference.openapi import document
from app.web.reference.operations import Operation, file_operation
from app.web.responses.prepared import Prepared
from app.web.wire import Wire

_POLICY = (
    "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    f"style-src 'sha256-{b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()}'"
)

OPERATIONS = (
    file_operation("/openapi.json", "This document", "application/json", {"type": "object"}),
    file_operation("/docs", "This document for people", "text/html"),
)


def serve_reference(app: Flask, wires: Sequence[Wire], pages: Sequence[Operation]) -> None:
    """`pages` are operations that belong to no wire. Both documents are made once, when they are asked for first: in a
    thread, since streams should not wait for it."""
    server = replace(health.REFERENCE, operations=(*health.REFERENCE.operations, *pages, *OPERATIONS))
    thread = ThreadPool(1)

    @cache
    def described() -> dict[str, Any]:
        with app.test_request_context(headers={"Authorization": "Bearer KEY"}):
            return document(wires, server)

    @cache
    def as_json() -> Prepared:
        return Prepared(orjson.dumps(described()), "application/json")

    @cache
    def as_page() -> Prepared:
        about = described()
        introduction = [prose(each) for each in about["info"]["description"].split("\n\n")]
        with app.app_context():
            page = render_template(
                "docs.html", style=STYLE, about=about, introduction=introduction, sections=sections(about)
            )
        return Prepared(page.encode(), "text/html; charset=utf-8")

    blueprint = Blueprint("reference", __name__, template_folder="templates")

    @blueprint.get("/openapi.json")
    def openapi() -> Response:
        response = thread.apply(as_json).response()
        response.headers["Access-Control-Allow-Origin"] = "*"
        return response

    @blueprint.get("/docs")
    def docs() -> Response:
        response = thread.apply(as_page).response()
        response.headers["Content-Security-Policy"] = _POLICY
        return response

    app.register_blueprint(blueprint)
