"""How large a test is: small in continuous integration, full in `make torture`."""

import os


def scaled(small: int, full: int) -> int:
    """`full` where PARLANCE_TORTURE is set, else `small`."""
    return full if os.environ.get("PARLANCE_TORTURE") else small
