"""Each table of parlance.toml by itself, but [agents.NAME] (agent_table.py) and [server] (server_table.py): its keys,
defaults and bounds."""

from collections.abc import Mapping
from typing import Any

from marshmallow import EXCLUDE, Schema, ValidationError, fields, post_load, validate

from app.providers import PROVIDERS
from app.settings.fields import number, price, seconds, text
from app.settings.records import ModelSettings, Price, WorkflowSettings
from app.tools import load_options

# Not of dots alone: an agent's name is that of its folder of pages.
NAME = validate.Regexp(
    r"(?!\.+\Z)[A-Za-z0-9._-]{1,64}\Z",
    error="Use 1 to 64 letters, digits, dots, dashes, underscores; not dots alone.",
)

MOST_DAYS = 36_500


class PriceSchema(Schema):
    """What a million tokens cost."""

    input = price("What a million tokens of prompts cost")
    output = price("What a million tokens of answers cost, with their reasoning")
    currency = text(
        "Its code, such as USD",
        required=True,
        validate=validate.Regexp(r"[A-Z]{3}\Z", error="Use a currency's code, such as USD."),
    )

    @post_load
    def make(self, data: dict[str, Any], **_: Any) -> Price:
        return Price(**data)


class ModelSchema(Schema):
    """A provider's name, what an answer costs, other names, and beside these the options that this provider knows."""

    class Meta:
        unknown = EXCLUDE

    provider = text("Which API serves the model", required=True, validate=validate.OneOf(PROVIDERS))
    credits = number(
        "What an answer costs once the model has accepted the question; of a workflow, each step that asks it",
        "credits",
        validate.Range(0, 1_000_000),
        load_default=1,
    )
    price_per_million = fields.Nested(
        PriceSchema,
        load_default=None,
        metadata={
            "description": "What its tokens cost you, for [`flask usage`](operations.md#usage): `{ input = 2.5, output "
            '= 10.0, currency = "USD" }`',
            "default": "none",
        },
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
            price=data["price_per_million"],
        )


class WorkflowsSchema(Schema):
    """Where workflows are, and the most that one run of any may take."""

    files = fields.List(
        fields.String(),
        load_default=list,
        metadata={"description": "Patterns of YAML files; each must match at least one file"},
    )
    seconds = seconds("The most time that a run of any workflow may take in its worst case", 120)
    tool_calls = number(
        "The most tool calls that a run may make in its worst case", "calls", validate.Range(0, 1000), load_default=50
    )
    model_calls = number(
        "The most requests to models that a run may make in its worst case",
        "requests",
        validate.Range(0, 1000),
        load_default=20,
    )

    @post_load
    def make(self, data: dict[str, Any], **_: Any) -> WorkflowSettings:
        return WorkflowSettings(**{**data, "files": tuple(data["files"])})


def _days(meaning: str, **options: Any) -> fields.Integer:
    return number(meaning, "days", validate.Range(1, MOST_DAYS), **options)


def _days_by_name(meaning: str) -> fields.Dict:
    about = {"description": meaning, "unit": "days", "type": f"table of whole numbers, 1 to {MOST_DAYS:,}"}
    return fields.Dict(fields.String(), _days(""), load_default=dict, metadata=about)


class RetentionSchema(Schema):
    """For how long conversations are kept, and the audit log. The shortest time that applies counts."""

    days = _days(
        "Conversations go so long after their last activity, unless they are pinned; without it they stay",
        load_default=None,
    )
    agents = _days_by_name("The same for conversations with an agent, by its name in `[agents.NAME]`")
    channels = _days_by_name("The same for conversations on a wire, by its name in `[limits]`")
    audit_days = _days("For so long the audit log keeps who did what, also without this table", load_default=400)


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
