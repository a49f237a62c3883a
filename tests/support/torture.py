"""How large a test is, small in continuous integration and full in `make torture`, and where its choices come from."""

import os


def scaled(small: int, full: int) -> int:
    """`full` where PARLANCE_TORTURE is set, else `small`."""
    return full if os.environ.get("PARLANCE_TORTURE") else small


def seed() -> int:
    """What PARLANCE_TORTURE_SEED says; without it 1, or another one each time where PARLANCE_TORTURE is set."""
    given = os.environ.get("PARLANCE_TORTURE_SEED")
    return int(given) if given else scaled(1, int.from_bytes(os.urandom(3)))
