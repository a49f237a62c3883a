"""Pages end at a number of items and at a number of bytes, and nothing behind them is read."""

from operator import attrgetter

import pytest
from sqlalchemy import Text, column, func, insert, select, text
from support.database import REF, SQLITE_ONLY, ask

from app.store.histories import HistoryScope, HistoryStore
from app.store.messages import latest_messages
from app.store.pages import PAGE_BYTES, fetch_page
from app.store.tables import messages as table

SIZES = {  # the sizes of items, how many may be on a page, and the pages
    "few": ([10, 20, 30], 5, [[10, 20, 30]]),
    "none": ([], 5, [[]]),
    "exactly as many as may be": ([1, 1], 2, [[1, 1]]),
    "one more": ([1, 2, 3], 2, [[1, 2], [3]]),
    "exactly as large as may be": ([PAGE_BYTES - 1, 1], 5, [[PAGE_BYTES - 1, 1]]),
    "a byte more": ([PAGE_BYTES - 1, 2, 3], 5, [[PAGE_BYTES - 1], [2, 3]]),
    "each larger than a page": ([2 * PAGE_BYTES, 3 * PAGE_BYTES], 5, [[2 * PAGE_BYTES], [3 * PAGE_BYTES]]),
    "a large one behind a small one": ([1, 2 * PAGE_BYTES, 1], 5, [[1], [2 * PAGE_BYTES], [1]]),
}

SIZE = attrgetter("size")


def numbers(sizes):
    """A query for rows of these sizes, in order."""
    values = " UNION ALL ".join(f"SELECT {place} AS place, {size} AS size" for place, size in enumerate(sizes))
    rows = (
        text(values or "SELECT 0 AS place, 0 AS size WHERE 1 = 0").columns(column("place"), column("size")).subquery()
    )
    return select(rows).order_by(rows.c.place)


@pytest.mark.parametrize("name", SIZES)
def test_a_page_ends_at_its_items_or_its_bytes_but_has_one_at_least(database, name) -> None:
    sizes, limit, expected = SIZES[name]
    pages, seen, more = [], 0, True
    while more:
        query = numbers(sizes).offset(seen)
        page = database.read(lambda connection, query=query: fetch_page(connection, query, limit, SIZE, SIZE))
        pages.append(page.items)
        seen += len(page.items)
        more = page.has_more
    assert pages == expected


@SQLITE_ONLY
def test_what_is_not_on_the_page_is_not_read(conversations, database) -> None:
    """Each row's parts are counted as they leave the database: two more than the page has, at most."""
    conversation_id, _ = ask(conversations, first="x")
    parts = [{"type": "text", "text": "x" * 100_000}]
    row = {"conversation_id": conversation_id, "role": "user", "parts": parts, "status": "complete", "created_at": 1}
    rows = [{**row, "id": f"{number}", "sequence": number} for number in range(2, 102)]
    database.write(lambda connection: connection.execute(insert(table), rows))
    looked = []

    def work(connection):
        connection.connection.driver_connection.create_function("looked", 1, lambda parts: looked.append(1) or parts)
        query = select(table.c.sequence, func.looked(table.c.parts, type_=Text).label("parts"))
        query = query.where(table.c.conversation_id == conversation_id).order_by(table.c.sequence.desc())
        return fetch_page(connection, query, 50, lambda each: len(each.parts), attrgetter("sequence"))

    page = database.read(work)
    assert page.items == [*range(101, 91, -1)], "ten of 100 kB"
    assert page.has_more
    assert len(looked) <= len(page.items) + 2
    found = database.read(lambda connection: latest_messages(connection, conversation_id, 50))
    assert [each.sequence for each in found.items] == page.items[::-1], "the wires' pages have the same bound"


@SQLITE_ONLY
def test_superseded_answers_are_passed_over_unread(conversations, database) -> None:
    conversation_id, _ = ask(conversations, first="x")
    scope = HistoryScope(REF.agent, REF.wire, REF.owner)
    plan = []

    def work(connection):
        connection.connection.driver_connection.set_trace_callback(plan.append)
        try:
            return latest_messages(connection, conversation_id, 5)
        finally:
            connection.connection.driver_connection.set_trace_callback(None)

    assert [each.id for each in database.read(work).items] == ["first"]
    for query in (plan[-1], f"SELECT count(*) {plan[-1][plan[-1].index('FROM') : plan[-1].index('ORDER')]}"):
        steps = database.read(lambda c, query=query: c.exec_driver_sql(f"EXPLAIN QUERY PLAN {query}").all())
        assert "ix_messages_shown" in str(steps), steps
    assert HistoryStore(database).messages(scope, conversation_id, 5, None).total == 1
