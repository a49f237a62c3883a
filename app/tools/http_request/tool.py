"""Requests to the hosts that the configuration lists, and to nowhere else.

No redirect is followed. How the addresses of a host are checked stands in connecting.py.
"""

from collections.abc import Mapping, Sequence
from http.client import HTTPException
from typing import Any

import orjson
from gevent import ssl
from marshmallow import Schema, ValidationError, fields, validate, validates_schema

from app.engine.agent import ToolContext
from app.tools.base import DEFAULT_SECONDS, TimedOptions, Tool, ToolError
from app.tools.http_request.connecting import Connector
from app.tools.http_request.hosts import MOST_URL, Host, Target, is_listed, parse_host, parse_url
from app.tools.http_request.lookups import LookUp, Lookups
from app.tools.http_request.metadata import names_metadata
from app.tools.http_request.response import ResponseTooLarge, exchange, to_result

NAME = "http_request"
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")
MOST_BODY_SENT = 65_536  # bytes

_WITH_BODY = ("POST", "PUT", "PATCH", "DELETE")


class HttpRequest:
    """Sends requests for a model: `hosts` must have public addresses, `private_hosts` may have private ones too.

    `seconds` bounds a call. `look_up` is `Lookups` unless another is given.
    """

    def __init__(
        self,
        hosts: Sequence[Host],
        private_hosts: Sequence[Host] = (),
        methods: Sequence[str] = ("GET",),
        seconds: float = DEFAULT_SECONDS,
        look_up: LookUp | None = None,
    ) -> None:
        self._hosts, self._private_hosts, self._methods = hosts, private_hosts, methods
        self._seconds = seconds
        self._connector = Connector(look_up or Lookups(seconds), seconds)

    def tool(self) -> Tool:
        hosts = ", ".join(str(host) for host in (*self._hosts, *self._private_hosts))
        return Tool(
            name=NAME,
            description=f"Sends an HTTP request to one of these hosts and returns the answer: {hosts}.",
            arguments=_arguments(self._methods),
            call=self.call,
            seconds=self._seconds,
        )

    def call(self, _context: ToolContext, args: Mapping[str, Any]) -> dict[str, Any]:
        """{"status", "contentType", "body", "truncated"}; "body" is a JSON value or text. Raises ToolError."""
        target, body = parse_url(args["url"]), _body(args)
        private = is_listed(target, self._private_hosts)
        if not private and not is_listed(target, self._hosts):
            raise ToolError("This host and port are not among those that may be reached.")
        addresses = self._connector.addresses(target, private=private)
        try:
            with self._connector.connected(target, addresses) as connection:
                return _exchange(connection, target, args["method"], body)
        except ssl.SSLCertVerificationError as error:
            raise ToolError(f"The server has no valid certificate for {target.host}.") from error
        except ResponseTooLarge as error:
            raise ToolError("The answer's headers are too large.") from error
        except HTTPException as error:
            raise ToolError("The answer is broken off, or no HTTP.") from error
        except OSError as error:
            raise ToolError(f"{target.host} does not answer.") from error


def _exchange(connection: Any, target: Target, method: str, body: bytes | None) -> dict[str, Any]:
    headers = {"User-Agent": "Parlance"}
    if body is not None:
        headers["Content-Type"] = "application/json"
    with exchange(connection, target, method, headers, body) as response:
        return to_result(response)


def _body(args: Mapping[str, Any]) -> bytes | None:
    if "json" not in args:
        return None
    if args["method"] not in _WITH_BODY:
        raise ToolError(f"{args['method']} takes no body.")
    try:
        body = orjson.dumps(args["json"])
    except TypeError as error:
        raise ToolError("The body cannot be sent as JSON.") from error
    if len(body) > MOST_BODY_SENT:
        raise ToolError("The body is too large.")
    return body


def _arguments(methods: Sequence[str]) -> type[Schema]:
    """`json` exists only where one of the methods takes a body."""
    default = "GET" if "GET" in methods else methods[0]
    arguments: dict[str, fields.Field[Any]] = {
        "url": fields.String(required=True, validate=validate.Length(1, MOST_URL)),
        "method": fields.String(load_default=default, validate=validate.OneOf(methods)),
    }
    if set(methods) & set(_WITH_BODY):
        arguments["json"] = fields.Raw(allow_none=True)
    return Schema.from_dict(arguments)


class _HostField(fields.String):
    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        try:
            host = parse_host(super()._deserialize(value, attr, data, **kwargs))
        except ValueError as error:
            raise ValidationError(str(error)) from error
        if names_metadata(host.name):
            raise ValidationError(f"{host.name} is a cloud's metadata service, which is never reached.")
        return host


class HttpRequestOptions(TimedOptions):
    """The table [tools.http_request]. Loads into the arguments of HttpRequest."""

    hosts = fields.List(
        _HostField(),
        load_default=list,
        metadata={
            "description": "Hosts that may be reached, at ports 80 and 443: names, or `*.` and a domain for all names "
            "below it. A host with a port is reached at that one alone"
        },
    )
    private_hosts = fields.List(
        _HostField(),
        load_default=list,
        metadata={"description": "The same for services of your own, which may have private addresses"},
    )
    methods = fields.List(
        fields.String(validate=validate.OneOf(METHODS)),
        load_default=lambda: ["GET"],
        validate=validate.Length(1),
        metadata={"description": "Methods that a model may use"},
    )

    @validates_schema
    def check_hosts(self, data: Mapping[str, Any], **_: Any) -> None:
        if not data["hosts"] and not data["private_hosts"]:
            raise ValidationError("Name the hosts that may be reached, here or in private_hosts.", "hosts")
