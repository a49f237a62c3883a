"""Blocks that stand on most pages of a site."""

from app.knowledge.pages.repeated import digests_of, find_repeated, without_repeated

NOTICE = "Free shipping from 50 €."


def cut(texts: dict[str, str]) -> dict[str, str]:
    repeated = find_repeated((url, digests_of(text)) for url, text in texts.items())
    return {url: without_repeated(url, text, repeated) for url, text in texts.items()}


def test_a_block_that_stands_on_most_pages_stays_on_the_first_alone() -> None:
    texts = {f"/{n}": f"## Tea {n}\n\n{NOTICE}\n\nTea number {n}.\n" for n in range(6)} | {"/x": "Something else.\n"}
    kept = cut(texts)
    assert kept["/0"] == texts["/0"]
    assert kept["/3"] == "## Tea 3\n\nTea number 3.\n"
    assert kept["/x"] == texts["/x"]


def test_what_a_few_pages_say_stays_on_all_of_them() -> None:
    few = {f"/{n}": f"{NOTICE}\n\nTea {n}.\n" for n in range(4)}
    assert cut(few) == few, "of four pages nobody can say what repeats"
    many = {f"/{n}": (f"{NOTICE}\n\n" if n < 5 else "") + f"Tea {n}.\n" for n in range(10)}
    assert cut(many) == many, "half of them is not most of them"


def test_headings_stay_and_blanks_make_no_difference() -> None:
    texts = {f"/{n}": f"## Ingredients\n\n Free  shipping\nfrom 50 €.{' ' * n}\n\n\nTea {n}.\n" for n in range(6)}
    assert cut(texts)["/5"] == "## Ingredients\n\nTea 5.\n"


def test_a_block_twice_on_one_page_is_one_page_s() -> None:
    texts = {"/a": "Tea.\n\n" * 10, **{f"/{n}": f"Cup {n}.\n" for n in range(5)}}
    assert cut(texts)["/a"].count("Tea.") == 10
