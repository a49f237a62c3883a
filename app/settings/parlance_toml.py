"""Each table of parlance.toml by itself: its keys, defaults and bounds."""

from collections.abc import Mapping, Sequence
from typing import Any

from marshmallow import EXCLUDE, Schema, ValidationError, fields, post_load, validate

from app.providers import PROVIDERS
from app.settings.records import ModelSettings, WorkflowSettings
from app.tools import load_options

NAME = validate.Regexp(r"[A-Za-z0-9._-]{1,64}\Z", error="Use 1 to 64 letters, digits, dots, dashes, underscores.")
_SECONDS = validate.Range(0, 3600, min_inclusive=False)


def _each_once(names: Sequence[str]) -> None:
    twice = [name for name in names if names.count(name) > 1]
    if twice:
        raise ValidationError(f"Names {twice[0]!r} twice.")


class ModelNames(fields.Field[list[str]]):
    """One model's name, or a list: later ones are tried when an earlier one refuses."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> list[str]:
        names = [value] if isinstance(value, str) else value
        if not isinstance(names, list) or not names or not all(isinstance(name, str) for name in names):
            raise ValidationError("Must be a model's name, or a list of such names.")
        _each_once(names)
        return names


def _switch(meaning: str, **options: Any) -> fields.Boolean:
    return fields.Boolean(truthy={True}, falsy={False}, metadata={"description": meaning}, **options)


def _number(meaning: str, unit: str, bounds: validate.Range, **options: Any) -> fields.Integer:
    return fields.Integer(strict=True, validate=bounds, metadata={"description": meaning, "unit": unit}, **options)


def _seconds(meaning: str, default: float, bounds: validate.Range = _SECONDS) -> fields.Float:
    return fields.Float(load_default=default, validate=bounds, metadata={"description": meaning, "unit": "seconds"})


def _text(meaning: str, **options: Any) -> fields.String:
    return fields.String(metadata={"description": meaning}, **options)


class ServerSchema(Schema):
    """The [server] table. docs/configuration.md is generated from these meanings and units."""

    heartbeat_seconds = _seconds("Silence of a model or of its tools after which the caller is sent a keep-alive", 15)
    body_bytes = _number(
        "Largest request body; a larger one is refused with 413. A body is held in memory whole, so at worst "
        "this is taken by each request that is being read",
        "bytes",
        validate.Range(1024, 2**30),
        load_default=262_144,
    )
    body_seconds = _seconds("Time for a request's body to arrive; after that 408", 20)
    send_seconds = _seconds(
        "Time for which a caller may take nothing of what is sent to it; then its connection is closed and its answer "
        "stored as interrupted",
        30,
    )
    streams = _number(
        "Answers that run at once in the worker; more are refused with 503. Each takes about 35 kB and its text; "
        "gunicorn accepts three times as many connections and 2,000 more, each a file descriptor",
        "answers",
        validate.Range(1, 100_000),
        load_default=1000,
    )
    streams_per_caller = _number(
        "Answers that run at once for one caller: an address without a key, an address with a widget key, or a user; "
        "more are refused with 429. Callers without key and account together have at most half of `streams`",
        "answers",
        validate.Range(1, 100_000),
        load_default=10,
    )
    streams_per_key = _number(
        "Answers that run at once for one secret key, behind which a whole site may stand, or for one widget key at "
        "all addresses together; more are refused with 429",
        "answers",
        validate.Range(1, 100_000),
        load_default=200,
    )
    answer_seconds = _seconds(
        "Time for a whole answer, with all its rounds, tools and steps; then it ends with 504, or with the wire's "
        "error in a stream, and what was said is stored as interrupted",
        900,
        validate.Range(0, 86_400, min_inclusive=False),
    )
    answer_bytes = _number(
        "The most that models may write for one answer, text, reasoning and arguments of tool calls together, over all "
        "rounds; of a workflow, in each step and in what is shown. With more the answer fails (502), and keeps what "
        "was said by then",
        "bytes",
        validate.Range(1024, 2**30),
        load_default=2**20,
    )
    stored_bytes_per_day = _number(
        "What the server stores in any 24 hours for one address that shows neither a key nor a session: questions, "
        "answers, steps of workflows, and 1,500 bytes for each question besides. Where it is reached, questions are "
        "refused with 429; the answers that run then still count. An IPv6 address counts as its /64 network. A restart "
        "forgets what was counted",
        "bytes",
        validate.Range(10_000, 2**40),
        load_default=20_000_000,
    )
    shutdown_seconds = _seconds(
        "Time for running answers to end after SIGTERM; then they are stored as interrupted. gunicorn kills what still "
        "runs 10 seconds later",
        25,
    )
    retry_seconds = _seconds(
        "Pause before an only model, or the last of a list, is asked a second time", 0.5, validate.Range(0, 10)
    )
    circuit_failures = _number(
        "Failures in a row after which a model is passed over", "failures", validate.Range(1), load_default=5
    )
    circuit_seconds = _seconds("Time for which a failing model is passed over before one question tries it again", 30)
    log_messages = _switch("Write questions and answers into the log lines `turn`", load_default=False)
    playground = _switch("Serve the playground at `/`", load_default=True)
    sign_up = _switch("Let anybody make an account at `POST /api/auth/sign-up/email`", load_default=False)
    reference = _switch("Describe all operations at `/docs` and `/openapi.json`", load_default=True)


class ClientToolSchema(Schema):
    """A tool that runs at the caller's; `parameters` is a JSON Schema of its arguments."""

    description = _text("What the model reads about the tool", required=True)
    parameters = fields.Dict(
        fields.String(),
        load_default=lambda: {"type": "object", "properties": {}},
        metadata={"description": "JSON Schema of the tool's arguments", "default": "no arguments"},
    )


class AgentSchema(Schema):
    """A table [agents.NAME]. The defaults are those of the engine's `Agent`."""

    name = fields.String(
        validate=validate.Length(1, 100),
        metadata={"description": "Name that callers see, 1 to 100 characters", "default": "the table's NAME"},
    )
    model = ModelNames(
        required=True,
        metadata={
            "description": "The model that answers, or several in the order in which they are tried",
            "type": "name, or list of names",
        },
    )
    instructions = _text("System message for the model, used where the caller sends none")
    tools = fields.List(
        fields.String(),
        validate=_each_once,  # models' APIs refuse one that is named twice
        metadata={
            "description": "Tools that the model may call: `calculator`, `clock`, `knowledge`, `stuff`, and those of "
            "`[tools.NAME]`"
        },
    )
    client_tools = fields.Dict(
        fields.String(validate=NAME),
        fields.Nested(ClientToolSchema),
        metadata={"description": "Tools that run in the caller's program (agents wire), each under its name"},
    )
    knowledge = fields.List(
        fields.String(),
        metadata={
            "description": "Patterns of Markdown files that answers may come from; each must match at least one file"
        },
    )
    workflow = _text("Name of the workflow that every answer follows")
    public = _switch("Callers without a credential reach this agent through `/api/chat`; at most one agent is public")
    widget_key_wires = fields.List(
        fields.String(),
        validate=_each_once,
        metadata={
            "description": "Wires beside the widget's that take this agent's widget keys: `agents`, for a page with "
            "the AI SDK. They take from the widget wire's limit there too"
        },
    )
    allow_system = _switch("Callers may send system messages, which take the place of `instructions`")
    show_tools = _switch("The widget wire shows tool calls and their results")
    client_history = _switch("The agents wire takes a conversation's history from the caller, not from the store")
    stream_format = _text(
        "How the agents wire streams where the caller does not say", validate=validate.OneOf(["sse", "ndjson"])
    )
    max_tokens = _number("The most that one answer may have, over all its rounds", "tokens", validate.Range(1))
    max_rounds = _number(
        "How often the model may be asked within one answer: once, and once more after each round of tool calls",
        "rounds",
        validate.Range(1, 50),
    )
    history_messages = _number(
        "The most messages of a conversation that a model sees", "messages", validate.Range(1, 1000)
    )
    history_tokens = _number(
        "The most of a conversation that a model sees, estimated at 4 bytes for a token and 4 tokens for each message",
        "tokens",
        validate.Range(1, 10_000_000),
    )


class ModelSchema(Schema):
    """A provider's name, what an answer costs, other names, and beside these the options that this provider knows."""

    class Meta:
        unknown = EXCLUDE

    provider = _text("Which API serves the model", required=True, validate=validate.OneOf(PROVIDERS))
    credits = _number(
        "What an answer costs once the model has accepted the question; of a workflow, each step that asks it",
        "credits",
        validate.Range(0, 1_000_000),
        load_default=1,
    )
    aliases = fields.List(
        fields.String(validate=NAME),
        load_default=list,
        metadata={
            "description": "Other names by which callers of the chats wire may choose it; no two models share a name"
        },
    )

    @post_load(pass_original=True)
    def with_options(self, data: dict[str, Any], original: Mapping[str, Any], **_: Any) -> ModelSettings:
        options = {name: value for name, value in original.items() if name not in self.fields}
        return ModelSettings(
            provider=data["provider"],
            options=PROVIDERS[data["provider"]].options().load(options),
            credits=data["credits"],
            aliases=tuple(data["aliases"]),
        )


class WorkflowsSchema(Schema):
    """Where workflows are, and the most that one run of any may take."""

    files = fields.List(
        fields.String(),
        load_default=list,
        metadata={"description": "Patterns of YAML files; each must match at least one file"},
    )
    seconds = _seconds("The most time that a run of any workflow may take in its worst case", 120)
    tool_calls = _number(
        "The most tool calls that a run may make in its worst case", "calls", validate.Range(0, 1000), load_default=50
    )
    model_calls = _number(
        "The most requests to models that a run may make in its worst case",
        "requests",
        validate.Range(0, 1000),
        load_default=20,
    )

    @post_load
    def make(self, data: dict[str, Any], **_: Any) -> WorkflowSettings:
        return WorkflowSettings(**{**data, "files": tuple(data["files"])})


class Tools(fields.Field[dict[str, dict[str, Any]]]):
    """The tables [tools.NAME], whose keys depend on the name. Loads into the options of each tool, by its name."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> dict[str, dict[str, Any]]:
        if not isinstance(value, dict):
            raise ValidationError("Not a valid mapping type.")
        options: dict[str, dict[str, Any]] = {}
        problems: dict[str, Any] = {}
        for name, table in value.items():
            try:
                options[name] = load_options(name, table)
            except ValidationError as error:
                problems[name] = error.messages
        if problems:
            raise ValidationError(problems, valid_data=options)
        return options
