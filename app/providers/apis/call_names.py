"""Ids and names of tool calls as every API takes them, whatever made the call: another model, a workflow, a page.

Sources: Mistral wants ids of nine letters and digits (mistralai/mistral-common, `MistralRequestValidatorV3`), OpenAI at
most 40 characters, Anthropic `^[a-zA-Z0-9_-]+$`. Names are `^[a-zA-Z0-9_-]{1,64}$` (OpenAI, Anthropic, Mistral), and
begin with a letter (Kimi: MoonshotAI/kimi-cli#1773).
"""

import re
from collections import Counter
from collections.abc import Collection, Sequence
from hashlib import sha256
from itertools import count
from string import ascii_letters, digits

_DIGITS = digits + ascii_letters
_ID = re.compile("[A-Za-z0-9]{9}")
_NAME = re.compile("[A-Za-z][A-Za-z0-9_-]{0,63}")
_NO_NAME = re.compile("[^A-Za-z0-9_-]+")


def accepted_ids(stored: Sequence[str]) -> list[str]:
    """An id of nine letters and digits for each of a payload's calls, whose stored ids these are; no two are the same.

    It is the stored id where that is one already, and otherwise made of it alone, so that servers which cache prompts
    find the same call in the next request. Further calls with the same stored id get others.
    """
    kept = {call_id for call_id in stored if _ID.fullmatch(call_id)}
    given: dict[str, None] = {}
    times: Counter[str] = Counter()
    for call_id in stored:
        if call_id in kept and call_id not in given:
            accepted = call_id
        else:
            made = (_nine(f"{number} {call_id}") for number in count(times[call_id]))
            accepted = next(each for each in made if each not in kept and each not in given)
        times[call_id] += 1
        given[accepted] = None
    return [*given]


def accepted_name(name: str, known: Collection[str]) -> str:
    """The tool's name, where it is `known` or every API takes it; otherwise what is left of it, and a number for it."""
    if name in known or _NAME.fullmatch(name):
        return name
    readable = _NO_NAME.sub("_", name[:200]).strip("_-")[:40]
    return "_".join(filter(None, ("tool", readable, f"{_digest(name) % 16**8:08x}")))


def _nine(text: str) -> str:
    number, characters = _digest(text), ""
    while len(characters) < 9:
        number, digit = divmod(number, len(_DIGITS))
        characters += _DIGITS[digit]
    return characters


def _digest(text: str) -> int:
    return int.from_bytes(sha256(text.encode("utf-8", "surrogatepass")).digest())
