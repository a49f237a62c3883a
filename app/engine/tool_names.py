"""Which tool a model means by a name that no tool has.

Models write more than the name: tokens of their own prompt format (gpt-oss "clock<|channel|>commentary":
vllm-project/vllm#35906), the namespace under which it lists tools ("functions.clock", "default_api:clock" of Gemini),
the number of the call ("functions.clock:0" of Kimi), brackets, quotes, blanks, other cases of letters.
"""

import re
import unicodedata
from collections.abc import Collection

MOST_NAME = 256  # characters that are kept of a name that no tool has

_CHANNEL = re.compile(
    r"""<\|channel\|>\s*(?:analysis|commentary|final)\b(?:\s+(?:json|code)\b)?
    | \b(?:analysis|commentary|final)\s+(?=to=)
    | <\|constrain\|>\s*\w+""",
    re.VERBOSE,
)
_TOKEN = re.compile(r"<[^<>\s]{1,60}>|\bto=")
_CALL = re.compile(r":\d+$|\(.*\)$")
_AROUND = " \t\r\n\"'`*[]{}"
_PREFIX = re.compile("[.:/]")


def meant_name(name: str, names: Collection[str]) -> str:
    """The one of `names` that is plainly meant: the name itself, or what is left of it without such dressing. Where
    nothing or more than one is left, the name as it is, cut to MOST_NAME characters."""
    if name in names:
        return name
    kept = name[:MOST_NAME]
    pieces = _TOKEN.split(_CHANNEL.sub(" ", unicodedata.normalize("NFKC", kept)))
    undressed = {each for piece in pieces for each in _undressed(piece)}
    folded = {each.casefold() for each in undressed}
    meant = undressed.intersection(names) or {each for each in names if each.casefold() in folded}
    return meant.pop() if len(meant) == 1 else kept


def _undressed(piece: str) -> tuple[str, str]:
    """The piece without what stands around it, and the last part of that behind the namespace."""
    bare = _CALL.sub("", piece.strip(_AROUND)).strip(_AROUND)
    return bare, _PREFIX.split(bare)[-1]
