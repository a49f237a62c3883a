"""The chat widget in two tabs of one browser, which share a conversation."""

from collections.abc import Iterator

import pytest
from support.widget_pages import ROOT, Site, Widget, site

from app.testing.server import script

LONG = script({"text": "So far"}, {"pause": 60}, {"text": " and no further."})
STORED = "JSON.parse(Object.values(localStorage)[0] || '{}').messages?.map(each => each.text)"


@pytest.fixture(scope="module")
def shop(tmp_path_factory, server, browser) -> Iterator[Site]:
    with site(tmp_path_factory.mktemp("tabs"), server, browser) as made:
        yield made


def said(widget: Widget) -> list[str]:
    """Without the greeting."""
    return widget.texts("[role=log] .text")[1:]


def streaming(widget: Widget) -> None:
    """Its answer has begun, and goes on for long."""
    widget.js("window.heard = ''; ParlanceChat.on('token', ({ token }) => { heard += token })")
    assert widget.send(LONG)
    widget.until("heard === 'So far'")


def test_what_two_tabs_say_at_the_same_time_is_all_kept(shop) -> None:
    first = shop.opened()
    second = first.another_tab()
    streaming(first)
    second.until(f"{ROOT}.querySelectorAll('.user').length === 1")
    assert second.send("Me too")
    second.until(f"!!{ROOT}.querySelector('.notice.busy')")
    first.press(".send.stop")
    first.until(f"!!{ROOT}.querySelector('.notice.stopped')")
    expected = [LONG, "So far", "Me too", ""]
    assert first.js(STORED) == expected
    for tab in (first, second):
        tab.until(f"!!{ROOT}.querySelector('.stopped') && !!{ROOT}.querySelector('.busy')")
        assert said(tab) == expected
    second.press(".retry")
    first.until(f"{ROOT}.querySelectorAll('.bot').length === 3 && !{ROOT}.querySelector('.busy')")
    assert said(first) == [LONG, "So far", "Me too", "Hello"]
    first.reload()
    assert said(first) == [LONG, "So far", "Me too", "Hello"]


def test_a_new_conversation_in_one_tab_is_one_in_the_other(shop) -> None:
    first = shop.opened()
    second = first.another_tab()
    streaming(first)
    second.until(f"{ROOT}.querySelectorAll('.user').length === 1")
    second.begin_anew()
    first.until(f"!{ROOT}.querySelector('.send.stop') && !{ROOT}.querySelector('.user')")
    assert first.js(STORED) == []
    assert first.ask("Once more") == "Hello"
    second.until(f"{ROOT}.querySelectorAll('.bot').length === 2")
    assert said(second) == ["Once more", "Hello"]
