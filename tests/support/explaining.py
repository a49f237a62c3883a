"""A database of PostgreSQL's with many conversations, and how it goes about what it is asked."""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from app.testing.postgres import Postgres

EXPLAINING = (
    "session_preload_libraries = auto_explain",
    "auto_explain.log_min_duration = 0",
    "auto_explain.log_nested_statements = on",  # those that check foreign keys
    "auto_explain.log_format = json",
)
"""Settings of a database that tells of each statement in the server's log how it went about it."""


@dataclass(frozen=True)
class Explained:
    """How PostgreSQL went about a statement, and how long it took."""

    text: str
    milliseconds: float
    scans: frozenset[str]


def explained_by(server: Postgres, call: Callable[[], object]) -> list[Explained]:
    """What a call had the server do in databases that are EXPLAINING."""
    with (server.folder / "log").open() as file:
        file.seek(0, 2)
        call()
        return _plans(file.read())


def _plans(log: str) -> list[Explained]:
    found = []
    for milliseconds, plan in re.findall(r"duration: ([\d.]+) ms  plan:\n((?:\t.*\n)+)", log):
        said = json.loads(plan)
        scans = {each["Relation Name"] for each in _nodes(said["Plan"]) if each["Node Type"] == "Seq Scan"}
        found.append(Explained(said["Query Text"], float(milliseconds), frozenset(scans)))
    return found


def _nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for below in plan.get("Plans", ()):
        yield from _nodes(below)


def filling(conversations: int, messages: int) -> str:
    """SQL that makes so many conversations of so many messages: one key has half of them, another one a quarter (of
    widgets), and 25 people have the rest. Ids are MD5 of c1, c2 …, and of m1-1, m1-2 …"""
    return f"""
INSERT INTO conversations (id, agent, channel, owner, external_id, created_at, updated_at, title, end_user)
SELECT md5('c' || n), 'demo',
    CASE n % 4 WHEN 0 THEN 'chats' WHEN 1 THEN 'widget' ELSE 'agents' END,
    CASE n % 4 WHEN 0 THEN 'user:' || n % 100 WHEN 1 THEN 'key:w' ELSE 'key:a' END,
    CASE n % 4 WHEN 0 THEN NULL ELSE 's-' || n END, n, 2 * {conversations} - n, 'About ' || n, 'person ' || n % 1000
FROM generate_series(1, {conversations}) n;
INSERT INTO messages (id, conversation_id, sequence, role, parts, status, created_at, worker, payer, request_key,
    fingerprint, asked_again_until, credits)
SELECT md5('m' || n || '-' || s), md5('c' || n), s, CASE s % 2 WHEN 1 THEN 'user' ELSE 'assistant' END,
    json_build_array(json_build_object('type', 'text', 'text', repeat(md5(n || '-' || s), 6))),
    CASE WHEN s = 7 AND n % 10 = 0 THEN 'superseded' ELSE 'complete' END, n, CASE s % 2 WHEN 0 THEN md5('w') END,
    CASE s % 2 WHEN 0 THEN 'a' END, CASE WHEN s = 20 THEN encode(sha256(n::text::bytea), 'hex') END,
    CASE WHEN s = 20 THEN 'f' END, CASE WHEN s = 20 THEN 1 END, CASE s % 2 WHEN 0 THEN 3 END
FROM generate_series(1, {conversations}) n, generate_series(1, {messages}) s;
INSERT INTO runs (id, conversation_id, workflow_id, version, status, created_at)
SELECT md5('m' || n || '-20'), md5('c' || n), 'w', 1, 'complete', n FROM generate_series(1, {conversations}) n;
INSERT INTO run_steps (run_id, step_id, status, started_at, ended_at, number)
SELECT md5('m' || n || '-20'), 's' || s, 'complete', n, n, s
FROM generate_series(1, {conversations}) n, generate_series(1, 2) s
"""
