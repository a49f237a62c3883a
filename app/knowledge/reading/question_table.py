# ruff: noqa: RUF001 - words of many scripts
"""CSV of questions and answers, as spreadsheets save it: each row is a section whose heading is the question."""

import csv
import io
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from urllib.parse import urlsplit

from app.knowledge.documents import Document, Section, UnreadableError
from app.knowledge.reading.encodings import decoded
from app.knowledge.reading.html_markdown import fragment_to_markdown

MOST_FIELD = 100_000  # characters

_DELIMITERS = ",;\t|"
_NAMES = {
    "question": "question questions q prompt frage fragen pregunta preguntas domanda domande "
    "pergunta perguntas vraag vragen soru вопрос вопросы питання pytanie pytania otázka otázky fråga spørsmål "
    "spørgsmål kysymys kérdés "
    "سؤال السؤال الأسئلة שאלה سوال پرسش प्रश्न 質問 问题 問題 질문",
    "answer": "answer answers a reply response antwort antworten réponse réponses reponse respuesta respuestas "
    "risposta risposte resposta respostas antwoord cevap yanıt ответ ответы відповідь odpowiedź odpověď svar "
    "vastaus válasz răspuns جواب الجواب إجابة الإجابة תשובה پاسخ उत्तर 回答 答え 答案 답변",
    "url": "url link address webadresse lien enlace ссылка bağlantı رابط الرابط 链接 リンク",
    "title": "title category topic titel kategorie thema titre catégorie título categoría titolo categoria başlık "
    "kategori категория kategoria عنوان فئة 分类 カテゴリ",
}
_KINDS = {name: kind for kind, names in _NAMES.items() for name in names.split()}
_SAMPLE = 100  # rows by which the delimiter is recognised
_MARKUP = re.compile(r"</[a-z][a-z0-9]*>|<br\s*/?>", re.IGNORECASE)


def read(data: bytes, name: str) -> Document:
    """A header row names the columns, in any order: question and answer, and where there are such, title (which stands
    above the question) and url; further ones are left out. Without a header the two columns are questions and answers.
    Raises UnreadableError."""
    text = decoded(data)
    delimiter, text = _delimiter(text)
    rows = list(_rows(text, delimiter))
    columns = _columns(rows[0]) if rows else {}
    if columns:
        rows = rows[1:]
    elif rows:
        columns = _unnamed(rows)
    return Document(name, tuple(section for row in rows if (section := _section(row, columns))))


def _delimiter(text: str) -> tuple[str, str]:
    """The one by which the first rows have as many columns as each other, and the text without Excel's line of it."""
    said = re.match(r'"?sep=(.)"?\n', text, re.IGNORECASE)
    if said:
        return said[1], text[said.end() :]

    def alike(delimiter: str) -> tuple[int, int]:
        reader, counts = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter), Counter[int]()
        try:
            for row, _ in zip(reader, range(_SAMPLE), strict=False):
                counts[len(row)] += 1
        except csv.Error:
            return 0, 0
        columns, rows = max(
            ((n, rows) for n, rows in counts.items() if n > 1), key=lambda each: each[1], default=(0, 0)
        )
        return rows, columns

    csv.field_size_limit(MOST_FIELD)
    return max(_DELIMITERS, key=alike), text


def _rows(text: str, delimiter: str) -> Iterator[list[str]]:
    """Those that are not empty, with their cells stripped."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    while True:
        line = reader.line_num + 1
        try:
            row = [cell.strip() for cell in next(reader)]
        except StopIteration:
            return
        except csv.Error as error:
            raise UnreadableError(f"the quotation marks of the row in line {line} do not fit ({error})") from error
        if any(row):
            yield row


def _columns(row: Sequence[str]) -> Mapping[str, int]:
    """Where what stands, by the first row; empty where that is no header."""
    found: dict[str, int] = {}
    for index, cell in enumerate(row):
        words = re.findall(r"\w+", cell.casefold())
        kind = next((_KINDS[word] for word in words if word in _KINDS), None) if len(words) <= 3 else None
        if kind:
            found.setdefault(kind, index)
    return found if {"question", "answer"} <= found.keys() else {}


def _unnamed(rows: Sequence[Sequence[str]]) -> Mapping[str, int]:
    filled = {index for row in rows for index, cell in enumerate(row) if cell}
    if filled == {0}:
        raise UnreadableError("it has one column; questions and answers are two, with commas or semicolons between")
    if not filled <= {0, 1}:
        raise UnreadableError(
            "it is no table of questions and answers; name these columns so in its first row: question, answer"
        )
    return {"question": 0, "answer": 1}


def _section(row: Sequence[str], columns: Mapping[str, int]) -> Section | None:
    cells = {kind: row[index] for kind, index in columns.items() if index < len(row)}
    answer = cells.get("answer", "")
    if _MARKUP.search(answer):
        answer = fragment_to_markdown(answer)
    if not answer:
        return None
    path = (cells.get("title", ""), cells.get("question", ""))
    headings = tuple(" ".join(heading.split()) for heading in path if heading)
    return Section(headings, answer, url=_address(cells.get("url", "")))


def _address(text: str) -> str:
    try:
        parts = urlsplit(text)
        return text if parts.scheme in {"http", "https"} and parts.hostname else ""
    except ValueError:
        return ""
