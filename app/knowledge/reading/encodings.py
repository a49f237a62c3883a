"""Bytes of a text file as text, whatever encoding it was saved in."""

import codecs

from charset_normalizer import from_bytes

from app.engine.texts import clean
from app.knowledge.documents import UnreadableError
from app.language.recognition import recognised

_MARKS = [
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),  # before UTF-16's, which it begins with
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
]
_AS_BROWSERS_READ = {
    "ascii": "cp1252",
    "iso8859-1": "cp1252",
    "iso8859-9": "cp1254",
    "gb2312": "gb18030",
    "gbk": "gb18030",
}
"""Encodings that are named where a larger one is meant (WHATWG's Encoding Standard)."""

_LIKELY = [
    *("cp1252", "cp1250", "cp1251", "cp1253", "cp1254", "cp1255", "cp1256", "cp1257", "cp1258", "koi8_r", "koi8_u"),
    *("shift_jis", "euc_jp", "gb18030", "big5", "euc_kr", "tis_620"),
]
_LATIN = {"cp1250": {"pl", "cs", "hu", "ro"}, "cp1254": {"tr"}, "cp1257": {"lt", "et"}, "cp1258": {"vi"}}
_SAMPLE = 32_768  # bytes that are looked at to recognise an encoding
_BINARY = bytes({*range(32)} - {*b"\t\n\v\f\r\x1a\x1b"})


def decoded(data: bytes, charset: str | None = None) -> str:
    """The text, with its lines ended by `\\n`. `charset` is what the text or its server says of itself; it is left
    aside where it is not true. Raises UnreadableError for what is no text."""
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            text = data[len(mark) :].decode(encoding, "replace")
            break
    else:
        if data.translate(None, _BINARY) != data:
            raise UnreadableError("it is no text: it holds binary data")
        text = _declared(data, charset) or _recognised(data)
    return clean(text).replace("\r\n", "\n").replace("\r", "\n")


def _declared(data: bytes, charset: str | None) -> str | None:
    names = [_AS_BROWSERS_READ.get(name, name) for name in [_codec(charset)] if name]
    for name in (*names, "utf-8"):
        try:
            return data.decode(name)
        except UnicodeDecodeError:
            continue
    return None


def _codec(charset: str | None) -> str | None:
    """Python's name for it; none where it is no encoding of text."""
    try:
        codec = codecs.lookup((charset or "").strip().lower())
    except (LookupError, ValueError):
        return None
    return codec.name if codec._is_text_encoding else None  # noqa: SLF001 - bytes.decode looks at it, too


def _recognised(data: bytes) -> str:
    """By the lines that are not ASCII: whatever is, reads the same in all."""
    sample = b"\n".join(line for line in data[: 64 * _SAMPLE].splitlines() if not line.isascii())[:_SAMPLE]
    best = from_bytes(sample, cp_isolation=_LIKELY, preemptive_behaviour=False).best()
    if best is None:
        raise UnreadableError("its text is in no encoding that is recognised; save it as UTF-8")
    encoding = _latin(sample) if best.encoding in {"cp1252", *_LATIN} else best.encoding
    return data.decode(encoding, "replace")


def _latin(sample: bytes) -> str:
    """Of those for Latin letters, the one that makes a language of it that is written in it: their few letters tell
    them hardly apart."""
    for encoding, languages in _LATIN.items():
        if recognised(sample.decode(encoding, "replace")) in languages:
            return encoding
    return "cp1252"
