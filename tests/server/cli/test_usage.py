"""`flask usage`: what answers have taken, as it is printed."""

import json

import pytest

from app.testing.configuration import CONFIG
from app.testing.server import Server

PRICES = """
[models.priced]
provider = "scripted"
price_per_million = { input = 2.5, output = 10, currency = "USD" }

[models.euro]
provider = "scripted"
price_per_million = { input = 1, output = 0.5, currency = "EUR" }
"""
DAY = 86_400_000
HEAD = "answers\tfailures\tprompt tokens\tcompletion tokens\tcredits\tmoney"
MILLION = 1_000_000


@pytest.fixture(scope="module")
def used(configured) -> Server:
    """With answers of 1970-01-02 and 03: two of a model with a price, one of another currency, one without a price, and
    one that failed before a model had accepted it."""
    server = configured(config=CONFIG + PRICES)
    server.flask("prepare")
    server.write(
        "INSERT INTO conversations (id, agent, channel, owner, created_at, updated_at) "
        "VALUES (?, ?, 'widget', 'o', 0, 0)",
        *((agent, agent) for agent in ("open", "frank")),
    )
    server.write(
        "INSERT INTO messages (id, conversation_id, sequence, role, parts, status, finish_reason, created_at, model, "
        "prompt_tokens, completion_tokens, credits, payer) "
        "VALUES (?, ?, ?, 'assistant', '[]', ?, 'stop', ?, ?, ?, ?, ?, ?)",
        ("1", "open", 1, "complete", DAY, "priced", MILLION, MILLION, 1, "k1"),
        ("2", "open", 2, "complete", 2 * DAY, "priced", 2, 0, 1, "k1"),
        ("3", "open", 3, "complete", 2 * DAY, "euro", 0, MILLION, 1, None),
        ("4", "frank", 1, "interrupted", 2 * DAY, "scripted", 7, 8, 2, "k1"),
        ("5", "frank", 2, "failed", 2 * DAY, None, None, None, None, "k1"),
    )
    return server


def lines(server: Server, *options: str) -> list[str]:
    ran = server.flask("usage", *options)
    assert ran.stderr == ""
    return ran.stdout.splitlines()


def test_without_options_it_is_by_day(used) -> None:
    assert lines(used) == [
        f"day\t{HEAD}",
        "1970-01-02\t1\t0\t1000000\t1000000\t1\t12.5000 USD",
        "1970-01-03\t4\t1\t9\t1000008\t4\t0.5000 EUR + 0.0000 USD, without scripted",
        "total\t5\t1\t1000009\t2000008\t5\t0.5000 EUR + 12.5000 USD, without scripted",
    ]


def test_several_names_make_a_line_for_each_combination(used) -> None:
    assert lines(used, "--by", "key,agent", "--since", "1970-01-03") == [
        f"key\tagent\t{HEAD}",
        "none\topen\t1\t0\t0\t1000000\t1\t0.5000 EUR",
        "k1\tfrank\t2\t1\t7\t8\t2\twithout scripted",
        "k1\topen\t1\t0\t2\t0\t1\t0.0000 USD",
        "total\t\t4\t1\t9\t1000008\t4\t0.5000 EUR + 0.0000 USD, without scripted",
    ]


def test_a_model_without_a_price_shows_none_and_the_total_says_so(used) -> None:
    by_model = {line.split("\t")[0]: line.split("\t")[-1] for line in lines(used, "--by", "model")}
    assert by_model == {
        "model": "money",
        "none": "none",
        "euro": "0.5000 EUR",
        "priced": "12.5000 USD",
        "scripted": "without scripted",
        "total": "0.5000 EUR + 12.5000 USD, without scripted",
    }


def test_programs_get_one_document(used) -> None:
    told = json.loads(used.flask("usage", "--by", "model", "--json").stdout)
    nothing = dict.fromkeys(("prompt_tokens", "completion_tokens", "credits"), 0)
    assert told["usage"][0] == {"model": None, "answers": 1, "failures": 1, **nothing, "money": {}, "unpriced": []}
    sums = {"answers": 5, "failures": 1, "prompt_tokens": 1_000_009, "completion_tokens": 2_000_008, "credits": 5}
    assert told["total"] == {**sums, "money": {"EUR": 0.5, "USD": 12.500005}, "unpriced": ["scripted"]}


def test_where_there_is_nothing_the_total_is_nothing(used) -> None:
    assert lines(used, "--since", "2026-01-01") == [f"day\t{HEAD}", "total\t0\t0\t0\t0\t0\tnone"]


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (["--by", "hour"], "'hour' is none of day, key, agent, model"),
        (["--by", "day,day"], "'day' is none of"),
        (["--by", ""], "'' is none of"),
        (["--since", "yesterday"], "'yesterday' does not match the format"),
        (["--since", "2026-13-01"], "does not match the format"),
    ],
    ids=str,
)
def test_what_makes_no_sense_is_refused(used, options, reason) -> None:
    ran = used.flask("usage", *options, check=False)
    assert (ran.returncode, ran.stdout) == (2, "")
    assert reason in ran.stderr


def test_a_database_that_was_never_prepared_is_told_in_a_line(fresh) -> None:
    ran = fresh.flask("usage", check=False)
    assert (ran.returncode, ran.stdout) == (1, "")
    assert ran.stderr.startswith("Error: The database does not answer as it should")
