"""Statements of every question: compiled once for each kind of database, and run by its driver itself.

SQLAlchemy remembers what it has compiled, but what it does around each run costs more than SQLite does in it. The
statements are still its own, so that both databases have the same ones.
"""

from collections import namedtuple
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Executable
from sqlalchemy.exc import DBAPIError

from app.store.trips import is_unanswered

_Processor = Callable[[Any], Any]


class Compiled:
    """A statement of SQLAlchemy Core. An INSERT without values names its `columns`, those of an UPDATE are its own.

    Values go in and out as through SQLAlchemy, and the same errors are raised. A row has the names of the statement's
    columns.
    """

    def __init__(self, statement: Executable, columns: Sequence[str] | None = None) -> None:
        self._statement, self._columns = statement, columns
        self._forms: dict[str, _Form] = {}  # by the dialect's name
        self._row = _row_type([column.key or "" for column in getattr(statement, "selected_columns", ())])

    def rows(self, connection: Connection, values: Mapping[str, Any]) -> Iterator[Any]:
        """The rows, of SQLite fetched one by one."""
        form = self._form(connection)
        for row in form.run(connection, values):
            columns = zip(row, form.processors, strict=True)
            yield self._row._make([process(value) if process else value for value, process in columns])

    def one_or_none(self, connection: Connection, values: Mapping[str, Any]) -> Any:
        """The first row."""
        return next(self.rows(connection, values), None)

    def scalar(self, connection: Connection, values: Mapping[str, Any]) -> Any:
        """The first row's first value; None where there is no row."""
        row = self.one_or_none(connection, values)
        return row[0] if row else None

    def run(self, connection: Connection, values: Mapping[str, Any]) -> int:
        """Returns how many rows were written, where that is known: not of a statement that is `unanswered`."""
        return int(self._form(connection).run(connection, values).rowcount)

    def run_each(self, connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
        """Once for each of these."""
        form = self._form(connection)
        for values in rows:
            form.run(connection, values)

    def _form(self, connection: Connection) -> "_Form":
        dialect = connection.dialect
        form = self._forms.get(dialect.name)
        if form is None:
            form = self._forms[dialect.name] = _Form(self._statement, self._columns, dialect)
        return form


class _Form:
    """What a driver takes of a statement, and `processors` of what it gives, one for each column."""

    def __init__(self, statement: Executable, columns: Sequence[str] | None, dialect: Any) -> None:
        compiled: Any = statement.compile(dialect=dialect, column_keys=columns)  # type: ignore[attr-defined]
        self._sql = str(compiled)
        self._dialect = dialect
        bound = {name: parameter for parameter, name in compiled.bind_names.items()}
        names = compiled.positiontup if compiled.positional else list(bound)
        self._takes_names = not compiled.positional
        self._parameters = [(name, _processor(bound[name].type, "bind_processor", dialect)) for name in names]
        self._fixed = {name: value for name, value in compiled.params.items() if not bound[name].required}
        self._is_unanswered = is_unanswered(statement.get_execution_options())
        self.processors = [
            _processor(column.type, "result_processor", dialect, None)
            for column in getattr(statement, "selected_columns", ())
        ]

    def run(self, connection: Connection, values: Mapping[str, Any]) -> Any:
        """The driver's cursor."""
        driver: Any = connection.connection.driver_connection
        values = {**self._fixed, **values}
        given: Any = [process(values[name]) if process else values[name] for name, process in self._parameters]
        if self._takes_names:
            given = dict(zip((name for name, _ in self._parameters), given, strict=True))
        errors = self._dialect.loaded_dbapi.Error
        try:
            cursor = driver.execute(self._sql, given)
            trips = getattr(driver, "trips", None)  # of a connection to PostgreSQL that writes
            if trips and not self._is_unanswered:
                trips.sync()
        except errors as error:
            raise DBAPIError.instance(
                self._sql, None, error, errors, hide_parameters=True, dialect=self._dialect
            ) from error
        return cursor


def _row_type(names: Sequence[str]) -> Any:
    return namedtuple("Row", names, rename=True)  # noqa: PYI024 - the names are known here alone


def _processor(column_type: Any, kind: str, dialect: Any, *more: Any) -> _Processor | None:
    return getattr(column_type.dialect_impl(dialect), kind)(dialect, *more)  # type: ignore[no-any-return]
