"""The table [server] of parlance.toml: its keys, defaults and bounds. `Server` in records.py has their worst cases."""

from marshmallow import Schema, validate

from app.settings.fields import number, seconds, switch


class ServerSchema(Schema):
    """The [server] table. docs/configuration.md is generated from these meanings and units."""

    heartbeat_seconds = seconds("Time in which a caller was sent nothing, after which there is a keep-alive", 15)
    body_bytes = number(
        "Largest request body; a larger one is refused with 413. A body is held in memory whole, so at worst "
        "this is taken by each request that is being read",
        "bytes",
        validate.Range(1024, 2**30),
        load_default=262_144,
    )
    body_seconds = seconds("Time for a request's body to arrive; after that 408", 20)
    send_seconds = seconds(
        "Time for which a caller may take nothing of what is sent to it; then its connection is closed and its answer "
        "stored as interrupted",
        30,
    )
    streams = number(
        "Answers that run at once in the worker; more are refused with 503. Each takes about 35 kB and its text; "
        "gunicorn accepts three times as many connections and 2,000 more, each a file descriptor",
        "answers",
        validate.Range(1, 100_000),
        load_default=1000,
    )
    streams_per_caller = number(
        "Answers that run at once for one caller: an address without a key, an address with a widget "
        "key, a visitor for whom a site vouches, or a user; "
        "more are refused with 429. Callers without key and account together have at most half of `streams`",
        "answers",
        validate.Range(1, 100_000),
        load_default=10,
    )
    streams_per_key = number(
        "Answers that run at once for one secret key, behind which a whole site may stand, or for one widget key at "
        "all addresses together; more are refused with 429",
        "answers",
        validate.Range(1, 100_000),
        load_default=200,
    )
    answer_seconds = seconds(
        "Time for a whole answer, with all its rounds, tools and steps; then it ends with 504, or with the wire's "
        "error in a stream, and what was said is stored as interrupted",
        900,
        validate.Range(0, 86_400, min_inclusive=False),
    )
    rejoin_seconds = seconds(
        "For how long an answer at least goes on without anybody who listens, whose caller has shown that it can come "
        "back to it: by asking for ids in the stream, or with an `Idempotency-Key`",
        30,
        validate.Range(0, 86_400),
    )
    answer_bytes = number(
        "The most that models may write for one answer, text, reasoning, arguments of tool calls and what their "
        "servers want back together, over all rounds; of a workflow, in each step and in what is shown. With more the "
        "answer fails (502), and keeps what was said by then",
        "bytes",
        validate.Range(1024, 2**30),
        load_default=2**20,
    )
    stored_bytes_per_day = number(
        "What the server stores in any 24 hours for one address that shows neither a key nor a session: questions, "
        "answers, steps of workflows, and 1,500 bytes for each question besides. Where it is reached, questions are "
        "refused with 429; the answers that run then still count. An IPv6 address counts as its /64 network. A restart "
        "forgets what was counted, but for what is in Redis",
        "bytes",
        validate.Range(10_000, 2**40),
        load_default=20_000_000,
    )
    shutdown_seconds = seconds(
        "Time for running answers to end after SIGTERM; then they are stored as interrupted. gunicorn kills what still "
        "runs 10 seconds later",
        25,
    )
    retry_seconds = seconds(
        "Pause before an only model, or the last of a list, is asked a second time", 0.5, validate.Range(0, 10)
    )
    circuit_failures = number(
        "Failures in a row after which a model is passed over", "failures", validate.Range(1), load_default=5
    )
    circuit_seconds = seconds("Time for which a failing model is passed over before one question tries it again", 30)
    log_messages = switch("Write questions and answers into the log lines `turn`", load_default=False)
    playground = switch("Serve the playground at `/`", load_default=True)
    sign_up = switch("Let anybody make an account at `POST /api/auth/sign-up/email`", load_default=False)
    reference = switch("Describe all operations at `/docs` and `/openapi.json`", load_default=True)
