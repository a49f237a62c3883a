"""Search in Markdown files: what is found, from where, and what no query may do."""

import pytest

from app.engine.agent import Agent, ToolContext
from app.knowledge.files import matching_files
from app.knowledge.passages import MOST_CHARACTERS
from app.knowledge.search import MOST_PASSAGES, KnowledgeSearch
from app.tools.builtin.knowledge import tool

SHOP = """Everything about the shop.

# The shop #

## Opening hours

We are open from nine to five, on **every** weekday.
See [the calendar](https://example.com/calendar) for holidays.

## Delivery

Parcels are delivered within three days.

```
curl https://example.com/parcels
```

## Empty

### Returns

Return a parcel within thirty days. Refunds for returned parcels are paid at once.
"""


@pytest.fixture
def search(tmp_path):
    """Ask the tool as a model would; the passages, best first."""
    knowledge = tool(KnowledgeSearch().search)

    def ask(query: str, *patterns: str):
        folder = tuple(str(tmp_path / pattern) for pattern in patterns or ("*.md",))
        agent = Agent("demo", "Demo", ("m",), knowledge=folder)
        found = knowledge.call(ToolContext(agent), knowledge.arguments().load({"query": query}))["passages"]
        return [passage for passage in found if passage["confident"]]

    return ask


@pytest.fixture
def shop(tmp_path):
    (tmp_path / "shop.md").write_text(SHOP)
    return tmp_path / "shop.md"


@pytest.mark.usefixtures("shop")
def test_a_passage_is_a_section_with_its_source_its_title_and_its_text_without_markup(search) -> None:
    assert search("opening hours") == [
        {
            "source": "shop.md",
            "title": "Opening hours",
            "text": "We are open from nine to five, on **every** weekday. See the calendar for holidays.",
            "url": "",
            "confident": True,
        }
    ]


@pytest.mark.usefixtures("shop")
def test_what_stands_before_the_first_heading_has_the_files_name_for_a_title(search) -> None:
    (passage,) = search("everything")
    assert (passage["title"], passage["text"]) == ("shop.md", "Everything about the shop.")


@pytest.mark.usefixtures("shop")
def test_fences_are_left_out_and_what_they_hold_is_found(search) -> None:
    (passage,) = search("curl")
    assert passage["text"] == "Parcels are delivered within three days. curl https://example.com/parcels"


def test_a_comment_in_a_code_block_is_no_heading(search, tmp_path) -> None:
    (tmp_path / "setup.md").write_text("# Setup\n\nFirst:\n\n```sh\n# fetch the sources\ngit clone x\n```\n\nDone.\n")
    (passage,) = search("clone")
    assert passage["title"] == "Setup"
    assert passage["text"].startswith("First:")
    assert passage["text"].endswith("Done.")


def test_a_long_section_is_cut(search, tmp_path) -> None:
    (tmp_path / "long.md").write_text("# Long\n\n" + "word " * 1000)
    (passage,) = search("word")
    assert len(passage["text"]) == MOST_CHARACTERS


@pytest.mark.usefixtures("shop")
@pytest.mark.parametrize(
    ("query", "title"),
    [
        ("When are you open?", "Opening hours"),
        ("OPENING", "Opening hours"),
        ("holiday", "Opening hours"),
        ("delivery", "Delivery"),
        ("deliveries of parcels", "Delivery"),
        ("how do I return parcels", "Returns"),
        ("refund", "Returns"),
    ],
)
def test_words_are_found_in_any_form_and_the_best_passage_comes_first(search, query, title) -> None:
    assert search(query)[0]["title"] == title


def test_a_word_in_the_title_counts_more_than_one_in_the_text(search, tmp_path) -> None:
    (tmp_path / "a.md").write_text(
        "# Bicycles\n\nMany kinds.\n\n# Cars\n\nFaster than bicycles, bicycles and bicycles.\n"
    )
    assert [passage["title"] for passage in search("bicycles")] == ["Bicycles", "Cars"]


def test_no_more_than_the_best_few_passages_come_back(search, tmp_path) -> None:
    (tmp_path / "many.md").write_text("\n".join(f"# Part {n}\n\nApples.\n" for n in range(20)))
    assert len(search("apples")) == MOST_PASSAGES


@pytest.mark.parametrize(
    ("query", "title"),
    [("cafe", "Café"), ("CAFÉ", "Café"), ("kaffee fur alle", "Café"), ("东京", "日本")],
)
def test_accents_and_other_scripts_are_found(search, tmp_path, query, title) -> None:
    world = "# Café\n\nKaffee für alle.\n\n# 日本\n\n东京 首都\n"
    (tmp_path / "world.md").write_text(world, encoding="utf-8")
    assert search(query)[0]["title"] == title


@pytest.mark.usefixtures("shop")
@pytest.mark.parametrize("query", ["submarine", "submarines in the shop of whales", "the and of", "who are you?"])
def test_nothing_is_found_where_too_few_of_the_words_occur(search, query) -> None:
    assert search(query) == []


@pytest.mark.usefixtures("shop")
@pytest.mark.parametrize(
    "query",
    [
        *('"', '""', '"open', 'open"', '" OR "', "'", "open' --", "\\", "*", "open*", "^open", "-open", "+open"),
        *("NEAR", "NEAR(open five)", "AND", "OR", "NOT", "open AND NOT five", "title:open", "{title text}:open"),
        *("(", ")", "(open", "passages", "rowid", "%", "_", "__ __", "open_hours", ";", "?", "!?.,", " ", "\n\t"),
        *("\x00", "open\x00five", "\ud800", "\U0001f600", "²³", "\u0301", "e\u0301", "\u202e", "x" * 1000, "x " * 500),
        *(" ".join(str(number) for number in range(270)), "open " * 200, "ß", "İ", "ﬁ", "١٢٣"),
    ],
)
def test_no_query_is_more_than_words(search, query) -> None:
    assert all(passage["source"] == "shop.md" for passage in search(query))


def test_operators_are_searched_for_as_words(search, tmp_path) -> None:
    (tmp_path / "words.md").write_text("# Near\n\nNear the station.\n\n# Far\n\nFar from the station.\n")
    assert [passage["title"] for passage in search("NEAR")] == ["Near"]


def test_files_that_come_change_and_go_are_noticed(search, shop) -> None:
    news = shop.with_name("news.md")
    assert search("llamas") == []
    news.write_text("# Llamas\n\nWe have llamas.\n")
    assert [passage["source"] for passage in search("llamas")] == ["news.md"]
    news.write_text("# Alpacas\n\nWe have alpacas now.\n")
    assert search("llamas") == []
    assert [passage["title"] for passage in search("alpacas")] == ["Alpacas"]
    news.unlink()
    assert search("alpacas") == []
    assert search("opening")[0]["source"] == "shop.md"


def test_agents_find_only_what_is_in_their_own_files(search, tmp_path) -> None:
    (tmp_path / "a.md").write_text("# Apples\n\nRed apples.\n")
    (tmp_path / "b.md").write_text("# Apples\n\nGreen apples.\n")
    assert [passage["text"] for passage in search("apples", "a.md")] == ["Red apples."]
    assert [passage["text"] for passage in search("apples", "b.md")] == ["Green apples."]
    assert len(search("apples", "a.md", "*.md")) == 2, "a file that two patterns match is read once"


def test_no_files_and_empty_files_hold_nothing(search, tmp_path) -> None:
    assert search("apples") == []
    (tmp_path / "empty.md").write_text("")
    (tmp_path / "titles.md").write_text("# Apples\n\n## Pears\n")
    (tmp_path / "binary.md").write_bytes(bytes(range(256)))
    assert search("apples") == []


def test_folders_are_no_files(search, shop) -> None:
    below = shop.parent / "below"
    below.mkdir()
    (below / "deep.md").write_text("# Llamas\n\nDeep llamas.\n")
    everything = str(shop.parent / "**")
    assert matching_files((everything,)) == sorted([str(below / "deep.md"), str(shop)])
    assert search("llamas", "**")[0]["source"] == "deep.md"
