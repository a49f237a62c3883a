"""Words of a list are found in a text without blanks, where they plainly are words."""

from time import process_time

import pytest

from app.language.listed import Listed
from app.language.questions import content

CHINESE = Listed(["停车", "停车位", "位置", "修", "手机", "多少钱", "话费", "怎么去", "T恤"], "zh")
JAPANESE = Listed(["バス", "キャンセル", "取り消し", "犬", "買", "使"], "ja")


@pytest.mark.parametrize(
    ("text", "language", "words"),
    [
        ("停车要钱吗", "zh", ["停车"]),
        ("停车位多吗", "zh", ["停车位"]),
        ("停车位置在哪", "zh", ["停车位"]),
        ("能修吗", "zh", ["修"]),
        ("修手机", "zh", ["手机", "修"]),
        ("修不修", "zh", ["修"]),
        ("装修怎么样", "zh", []),
        ("多少钱", "zh", ["多少钱"]),
        ("可以怎么去", "zh", ["怎么去"]),
        ("有空的话费用多少", "zh", []),
        ("有没有t恤", "zh", ["T恤"]),
        ("バスで行けますか", "ja", ["バス"]),
        ("バスケットはありますか", "ja", []),
        ("キャンセルポリシー", "ja", ["キャンセル"]),
        ("予約の取り消し", "ja", ["取り消し"]),
        ("犬は入れますか", "ja", ["犬"]),
        ("番犬", "ja", []),
        ("取り消したい", "ja", ["取り消し"]),
        ("買いたい", "ja", ["買"]),
        ("使用", "ja", []),
        ("", "zh", []),
    ],
)
def test_the_longest_words_are_found_from_left_to_right(text, language, words) -> None:
    places = (CHINESE if language == "zh" else JAPANESE).places(text, content(text, language))
    assert [text[begin:end] for begin, end in places] == [word if word in text else word.lower() for word in words]


def test_a_long_text_costs_little() -> None:
    text = "停车位修手机" * 333
    left = content(text, "zh")
    begin = process_time()
    CHINESE.places(text, left)
    assert process_time() - begin < 0.1
