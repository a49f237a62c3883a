"""Which code can work with which schema: beside a migration that only adds, servers of the version before go on.

A revision is the number of a migration and, where older code can work with what it leaves, since which migration:
`0016_since_0015`. The database keeps it, so that code which does not have the migration knows it too. What such a
migration may do: docs/architecture.md, "Migrations".
"""

import re

_REVISION = re.compile(r"(?P<number>\d{4})(?:_since_(?P<since>\d{4}))?")


def can_work_with(code: str, schema: str) -> bool:
    """Whether code whose newest migration is the one can work with a database whose latest is the other: the same, or
    a newer one that says so."""
    ours, theirs = _REVISION.fullmatch(code), _REVISION.fullmatch(schema)
    if not ours or not theirs:
        return False
    return bool((theirs["since"] or theirs["number"]) <= ours["number"] <= theirs["number"])
