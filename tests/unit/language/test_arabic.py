"""Arabic words are found in any form."""

import pytest

from app.language.arabic import light_stem, root


@pytest.mark.parametrize(
    ("of", "words"),
    [
        ("رجع", ["استرجاع", "ارجاع", "مرتجع", "مرتجعات", "المرتجعات", "ارجع", "ترجعون"]),
        ("فتح", ["مفتوح", "تفتحون", "افتتاح", "الافتتاح", "يفتح", "نفتح", "فاتح"]),
        ("وصل", ["توصيل", "التوصيل", "يوصلون", "توصلون"]),
        ("دفع", ["دفع", "الدفع", "مدفوعات", "تدفع"]),
        ("صلح", ["تصليح", "بيصلحوه", "يصلحونها", "تصلحو", "حتصلح", "هنصلح", "كيصلحو"]),
        ("وعد", ["موعد", "مواعيد", "مواعيدكم"]),
        ("", ["تلفزيون", "ab", ""]),
    ],
)
def test_words_of_one_root_are_told(of, words) -> None:
    assert {root(word) for word in words} == {of}


@pytest.mark.parametrize(
    ("stem", "words"),
    [
        ("كتاب", ["كتاب", "الكتاب", "والكتاب", "بالكتاب", "للكتاب", "كتابكم", "كتابها"]),
        ("منتج", ["منتج", "منتجات", "المنتجات", "منتجين"]),
        ("ال", ["ال"]),
    ],
)
def test_what_is_attached_is_taken_off(stem, words) -> None:
    assert {light_stem(word) for word in words} == {stem}
