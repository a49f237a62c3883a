"""Pages of lists: of so many items at most, and of no more bytes than one caller may hold up the others for."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from sqlalchemy import ColumnElement, Connection, Label, Select, Text, cast, func, select

T = TypeVar("T")

PAGE_BYTES = 1_048_576
"""Of what is stored of the items of a page, unless its first one alone has more."""

_BYTES = "json_bytes"


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """One page of a list. `total` counts the items of all pages, where that is asked for."""

    items: Sequence[T]
    has_more: bool
    total: int | None = None


def json_bytes(column: ColumnElement[Any]) -> Label[int]:
    """A column of JSON's size in bytes, as the column `json_bytes`: what is stored there is ASCII."""
    return func.coalesce(func.length(cast(column, Text)), 0).label(_BYTES)


def fetch_page(
    connection: Connection, query: Select[Any], limit: int, size: Callable[[Any], int], made: Callable[[Any], T]
) -> Page[T]:
    """The first rows of the query, at most `limit` and at most PAGE_BYTES, but at least one; each as what `made` makes
    of it. `size` says how many bytes a row has.

    Hardly more is read than is returned: SQLite's rows are fetched one by one, PostgreSQL sends no more than that.
    """
    items: list[T] = []
    filled = 0
    bounded: Select[Any] = query.limit(limit + 1)
    if connection.dialect.name != "sqlite" and _BYTES in query.selected_columns:
        bounded = _within_bytes(bounded)
    with connection.execute(bounded) as rows:
        for row in rows:
            filled += size(row)
            if len(items) == limit or (items and filled > PAGE_BYTES):
                return Page(items, has_more=True)
            items.append(made(row))
    return Page(items, has_more=False)


def _within_bytes(query: Select[Any]) -> Select[Any]:
    """The rows before which there is room on a page, of a query with the column `json_bytes`, in its order."""
    rows = query.subquery()
    sizes = rows.c[_BYTES]
    summed = select(rows, func.sum(sizes).over(rows=(None, 0)).label("filled")).subquery()
    return select(summed).where(summed.c.filled - summed.c[_BYTES] <= PAGE_BYTES)
