"""`parlance doctor`: what is wrong with an installation, and with the way to it."""

import os
import resource
import shutil
import time
from collections.abc import Iterator
from dataclasses import asdict

import click

from app.cli.common import echo_json, json_option
from app.cli.known_answer import (
    LINES,
    PATIENCE_SECONDS,
    Finding,
    ask,
    findings_of_body,
    findings_of_stream,
)
from app.cli.parts import parts
from app.cli.server_url import Seconds, ServerUrl

_LEAST_FREE = 256 * 2**20  # bytes on the home folder's disk
_CLOCK_SECONDS = 5.0


@click.command()
@click.option(
    "--url", type=ServerUrl(), help="The address that callers use, such as https://chat.example.com: streamed through."
)
@click.option(
    "--direct", type=ServerUrl(), help="The server's own address: what is wrong there too is no proxy's. With --url."
)
@click.option("--silence", type=Seconds(0, 900), default=2.0, show_default=True, help="Seconds that a proxy must bear.")
@click.option("--models", is_flag=True, help="Ask each model one question, which may cost something.")
@json_option
def doctor(url: str | None, direct: str | None, silence: float, models: bool, as_json: bool) -> None:
    """Check the installation, and with --url the way to it: what is wrong, where, and what helps.

    A known answer is streamed through the address: who holds it back, compresses, cuts it or hides the caller is named.
    No model is asked for it. A line for each thing that is wrong; the status is 1 then.
    """
    if direct and not url:
        raise click.UsageError("--direct is compared with --url, which is missing.")
    found = [*_of_installation()]
    if models:
        found += _of_models()
    if url:
        found += _of_way(url, direct, silence)
    if as_json:
        echo_json([asdict(each) for each in found])
    else:
        for each in found:
            click.echo(f"{each.check}: {each.problem}\n    {each.cure}")
    if found:
        raise SystemExit(1)


def _of_installation() -> Iterator[Finding]:
    from app.cluster.client import why_not_reached
    from app.store.schema import why_not_prepared
    from app.web.server.master import descriptors_of

    settings = parts().settings
    if not settings.home.exists():
        yield Finding("home", f"{settings.home} does not exist", "look at PARLANCE_HOME; parlance prepare makes it")
    if problem := why_not_prepared(settings.database_url):
        yield Finding("database", problem, "see When the database fails in docs/operations.md")
    else:
        yield from _of_database()
    if settings.redis_url and (problem := why_not_reached(settings.redis_url)):
        yield Finding("redis", problem, "look at REDIS_URL, and at the server there")
    wanted, hard = descriptors_of(settings.server.streams), resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    if hard not in (resource.RLIM_INFINITY, -1) and hard < wanted:
        problem = f"{hard} files may be open, and {settings.server.streams} streams may need {wanted}"
        yield Finding("files", problem, f"LimitNOFILE={wanted} in the unit, or fewer [server].streams")
    if settings.home.exists() and (free := shutil.disk_usage(settings.home).free) < _LEAST_FREE:
        yield Finding("disk", f"{free // 2**20} MiB are free for {settings.home}", "free some room")
    yield from _of_secrets()


def _of_database() -> Iterator[Finding]:
    """Whether it can be written now, and has this host's time."""
    from sqlalchemy import text

    from app.store.readiness import Readiness

    database = parts().database
    if problem := Readiness(database).problem():
        yield Finding("database", problem, "see When the database fails in docs/operations.md")
    elif database.file is None:
        there = database.read(lambda connection: connection.execute(text("SELECT extract(epoch FROM now())")).scalar())
        apart = abs(float(there or 0) - time.time())
        if apart > _CLOCK_SECONDS:
            yield Finding("clock", f"PostgreSQL's is {apart:.0f} s from this one", "keep both clocks right, by NTP")


def _of_secrets() -> Iterator[Finding]:
    """Files that only their owner may read."""
    from app.settings.secret import secret_file
    from app.store.urls import sqlite_file

    settings = parts().settings
    for path in (secret_file(settings.home), sqlite_file(settings.database_url)):
        if path and path.exists() and path.stat().st_mode & 0o077:
            problem = f"{path} has the mode {path.stat().st_mode & 0o777:o}: others may read it"
            yield Finding("permissions", problem, f"chmod 600 {path}")
    if settings.home.exists() and not os.access(settings.home, os.W_OK):
        yield Finding(
            "permissions", f"{settings.home} cannot be written", "run as the server's user, or change its owner"
        )


def _of_models() -> Iterator[Finding]:
    """Each is asked one question, until it begins to answer."""
    from app.engine.agent import AnswerOptions
    from app.engine.errors import ModelError
    from app.engine.messages import text_message
    from app.engine.prompt import Prompt
    from app.providers import PROVIDERS

    settings = parts().settings
    prompt = Prompt(settings.default_agent, [text_message("user", "Say hello.")], AnswerOptions())
    for name, model in settings.answering_models.items():
        try:
            stream = PROVIDERS[model.provider].build(model.options).open(prompt, settings.server.heartbeat_seconds)
            try:
                next((batch for batch in stream if batch), None)
            finally:
                stream.close()
        except ModelError as error:
            yield Finding(f"model {name}", error.reason or error.message, f"[models.{name}] in {settings.files.config}")


def _of_way(url: str, direct: str | None, silence: float) -> list[Finding]:
    """Without what is wrong at the `direct` address too, but as the server's own there."""
    from app.settings.secret import secret_file

    settings = parts().settings
    if not settings.secret_key and not secret_file(settings.home).exists():
        problem = f"nothing can be asked without the server's secret: {secret_file(settings.home)} does not exist"
        return [Finding("way", problem, "run as the server's user with its PARLANCE_HOME, once it has started")]
    found = [*_through(url, silence)]
    if direct is None:
        return found
    own = [each for each in _through(direct, 0) if each.check not in ("hops", "forwarded", "host")]
    at_both = {each.check for each in own}
    told = [Finding(each.check, f"at the server itself: {each.problem}", each.cure) for each in own]
    return told + [each for each in found if each.check not in at_both]


def _through(url: str, silence: float) -> Iterator[Finding]:
    """The body is sent where Parlance has answered, and nowhere else."""
    from app.web.doctor import PATH, doctor_token

    secret, most = parts().secret, parts().settings.server.body_bytes
    try:
        heard = ask(url, PATH, doctor_token(secret, LINES, silence), b"{}", PATIENCE_SECONDS + silence)
    except OSError as error:
        yield Finding("way", f"{url} cannot be asked: {error}", "look whether the server runs, and at its address")
        return
    found = [*findings_of_stream(heard, url, silence)]
    yield from found
    if any(each.check == "answer" for each in found):
        return
    try:
        large = ask(url, PATH, doctor_token(secret, 0, 0), bytes(most), PATIENCE_SECONDS)
    except OSError as error:
        yield Finding("body size", f"a body of {most:,} bytes got no answer: {error}", "look at the log of each hop")
        return
    yield from findings_of_body(large, most)
