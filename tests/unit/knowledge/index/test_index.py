"""An index finds passages by the words of questions, in any of their forms."""

from itertools import count
from time import process_time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.knowledge.documents import Entry
from app.knowledge.index.index import FormatError, Index, build
from app.language.synonyms import SYNONYMS

SHOP = [
    Entry("Tee.md", ("Versand",), "Wir liefern mit der Post nach Deutschland und Österreich. Ab 50 Euro ist es frei."),
    Entry("Tee.md", ("Rückgabe",), "Ungeöffnete Dosen nehmen wir innerhalb von 30 Tagen zurück."),
    Entry("Tee.md", ("Geschenkgutscheine",), "Sie sind drei Jahre gültig und gelten auch für Grüntee."),
    Entry("Tee.md", ("Laden",), "Der Laden hat dienstags bis samstags von zehn bis achtzehn Uhr geöffnet."),
    Entry(
        "Tea.md", ("Shipping",), "We deliver to all countries of the union, with tracking. Orders are packed at once."
    ),
    Entry("Tea.md", ("Allergens",), "Our blends may contain traces of nuts; the label GT-204 says which."),
    Entry("شاي", ("التوصيل",), "نقوم بتوصيل الطلبات داخل المدينة خلال يومين، والدفع عند الاستلام."),
    Entry("شاي", ("الإرجاع",), "يمكنكم إرجاع المنتجات المغلقة خلال أسبوعين."),
    Entry("お茶", ("配送",), "配送料は全国一律五百円です。ギフトカードも送れます。"),
    Entry("茶", ("退货",), "未开封的茶叶可以在三十天之内退回商店。"),
    Entry("차", ("배송",), "배송은 이틀 정도 걸립니다. 배송비는 무료입니다."),
    Entry("ชา", ("การจัดส่ง",), "เราจัดส่งทั่วประเทศภายในสามวัน"),
    Entry("Çay", ("Kargo",), "Siparişler iki gün içinde kargoya verilir; kargo ücreti elli liradır."),
    Entry("Чай", ("Доставка",), "Мы доставляем заказы по всей стране за три дня."),
]


@pytest.fixture(scope="module")
def index(tmp_path_factory):
    path = tmp_path_factory.mktemp("index") / "index"
    build(path, SHOP)
    opened = Index(path)
    yield opened
    opened.close()


@pytest.fixture
def indexed(tmp_path):
    """Index some entries; their headings are what a search returns."""
    numbers = count()

    def of(*entries: Entry):
        path = tmp_path / str(next(numbers))
        build(path, entries)
        opened = Index(path)
        return lambda query: [hit.entry.headings[-1] for hit in opened.search(query, 5)]

    return of


@pytest.mark.parametrize(
    ("query", "heading"),
    [
        ("Liefert ihr nach Österreich?", "Versand"),
        ("oesterreich", "Versand"),
        ("Was kostet die Lieferung?", "Versand"),
        ("Wie lange ist ein Gutschein gültig?", "Geschenkgutscheine"),
        ("gutscheine", "Geschenkgutscheine"),
        ("Habt ihr grünen Tee?", "Geschenkgutscheine"),
        ("Wann öffnet ihr?", "Laden"),
        ("KANN ICH DOSEN ZURUECKGEBEN", "Rückgabe"),
        ("do your blends contain any nut?", "Allergens"),
        ("delivering to other countries", "Shipping"),
        ("what is GT-204", "Allergens"),
        ("alergens", "Allergens"),
        ("هل عندكم توصيل؟", "التوصيل"),
        ("كيف أرجع منتجاً؟", "الإرجاع"),
        ("مرتجعات", "الإرجاع"),
        ("送料はいくらですか", "配送"),
        ("ギフトカードはありますか", "配送"),
        ("可以退货吗？", "退货"),
        ("茶叶能退吗", "退货"),
        ("배송하나요?", "배송"),
        ("จัดส่งกี่วัน", "การจัดส่ง"),
        ("kargo ucreti ne kadar", "Kargo"),
        ("siparişim ne zaman gelir", "Kargo"),
        ("Как быстро доставите заказ?", "Доставка"),
    ],
)
def test_the_passage_that_answers_comes_first(index, query, heading) -> None:
    assert index.search(query, 3)[0].entry.headings == (heading,)


@pytest.mark.parametrize("query", ["", "the and of", "Was ist das?", "هل هذا", "?!", "🙂", "submarine", "زرافة"])
def test_a_question_about_nothing_here_finds_nothing(index, query) -> None:
    assert index.search(query, 3) == []


def test_an_index_returns_what_it_was_given_by_number(index) -> None:
    assert index.entries == len(SHOP)
    assert [index.entry(number) for number in range(len(SHOP))] == SHOP
    (hit,) = index.search("GT-204 nuts", 1)
    assert SHOP[hit.number] == hit.entry
    with pytest.raises(IndexError):
        index.entry(len(SHOP))
    with pytest.raises(IndexError):
        index.entry(-1)


def test_it_knows_its_languages(index) -> None:
    assert index.languages == {
        "de": 4,
        "en": 2,
        "ar": 2,
        "ja": 1,
        "zh": 1,
        "ko": 1,
        "th": 1,
        "tr": 1,
        "ru": 1,
    }


def test_why_says_what_was_found_where_and_what_was_not(index) -> None:
    why = index.search("Gutscheine für Grüntee in Kanada", 1)[0].why
    assert "Gutscheine: geschenkgutschein in heading" in why
    assert "Grüntee: grunte in text" in why
    assert why.endswith("not found: Kanada")


@pytest.mark.parametrize(
    ("query", "heading"),
    [
        ("能用信用卡吗？", "支付"),
        ("会员积分什么时候过期", "积分"),
        ("怎么申请退款", "售后"),
        ("到货要多久", "物流"),
    ],
)
def test_characters_that_are_function_words_are_found_within_words_too(indexed, query, heading) -> None:
    ask = indexed(
        Entry("店", ("支付",), "支持信用卡和支付宝。"),
        Entry("店", ("积分",), "会员每消费一元得一分，一年后过期。"),
        Entry("店", ("售后",), "在订单页面申请，三天内退款。"),
        Entry("店", ("物流",), "一般两天到货，偏远地区五天。"),
    )
    assert ask(query)[0] == heading


@pytest.mark.parametrize(
    ("query", "headings"),
    [
        ("多少钱", ["收费"]),  # its characters are left out as function words
        ("茶壶能修吗", ["维护"]),  # one character, where it stands alone
        ("装修", []),
        ("护照", ["入住"]),  # one of three characters counts where all of its pairs are
        ("打不开", []),
        ("wifi", ["上网"]),
    ],
)
def test_chinese_words_of_the_same_meaning_may_have_any_length(indexed, monkeypatch, query, headings) -> None:
    groups = [["多少钱", "收费"], ["修", "维护"], ["护照", "身份证"], ["打不开", "二维码"], ["wifi", "无线网"]]
    monkeypatch.setitem(SYNONYMS, "zh", groups)
    ask = indexed(
        Entry("店", ("收费",), "每小时收费三十元。"),
        Entry("店", ("维护",), "由师傅定期维护茶具。"),
        Entry("店", ("入住",), "请出示身份证。"),
        Entry("店", ("上网",), "大厅设有无线网。"),
        Entry("店", ("展览",), "二维的身份，保存的密码。"),
    )
    assert ask(query) == headings


def test_a_word_of_the_list_may_have_a_hyphen(indexed, monkeypatch) -> None:
    monkeypatch.setitem(SYNONYMS, "en", [["internet", "wi-fi"]])
    ask = indexed(
        Entry("House", ("Rooms",), "All of the rooms have Wi-Fi, and a desk."),
        Entry("House", ("Music",), "The hi-fi is in the hall."),
    )
    assert ask("internet") == ["Rooms"]


def test_traditional_chinese_finds_simplified_and_the_other_way_round(indexed) -> None:
    ask = indexed(
        Entry("店", ("维修",), "钟表由师傅修理，约需一周。"),
        Entry("店", ("門票",), "長者與學生享有優惠。"),
        Entry("店", ("停车",), "地下车库免费两小时。"),
    )
    assert ask("鐘錶壞了怎麼辦")[0] == "维修"
    assert ask("学生有优惠吗")[0] == "門票"
    assert ask("停車場要錢嗎")[0] == "停车"


def test_japanese_words_of_the_same_meaning_may_have_endings(indexed, monkeypatch) -> None:
    monkeypatch.setitem(SYNONYMS, "ja", [["取り消し", "キャンセル"], ["いくら", "料金"]])
    ask = indexed(
        Entry("店", ("変更",), "キャンセルは前日までにお知らせください。"),
        Entry("店", ("席",), "料金は一時間三百円です。"),
        Entry("店", ("予約",), "取消しのご連絡は、お電話でお願いいたします。"),
    )
    assert ask("取り消したい")[:2] == ["予約", "変更"]
    assert ask("いくらですか") == ["席"]
    assert "予約" in ask("キャンセル")


def test_a_word_in_the_heading_counts_more_than_several_in_the_text(indexed) -> None:
    ask = indexed(
        Entry("a", ("Cars",), "Faster than bicycles, bicycles and bicycles."), Entry("a", ("Bicycles",), "Many kinds.")
    )
    assert ask("bicycles") == ["Bicycles", "Cars"]


def test_a_rare_word_counts_more_than_a_frequent_one(indexed) -> None:
    tea = [Entry("a", (f"Tea {number}",), "Fine tea, best tea.") for number in range(40)]
    ask = indexed(*tea, Entry("a", ("Cups",), "For your drink: porcelain."))
    assert ask("tea porcelain")[0] == "Cups"


def test_of_two_passages_the_one_comes_first_whose_document_is_about_another_word_of_the_question(indexed) -> None:
    bicycles = [Entry("Bicycles", ("Bells",), "Ring."), Entry("Bicycles", ("Prices here",), "Cheap.")]
    cars = [Entry("Cars", ("Horns",), "Honk."), Entry("Cars", ("Prices there",), "Dear.")]
    bell, horn = indexed(*cars, *bicycles)("prices of a bell"), indexed(*bicycles, *cars)("prices of a horn")
    assert bell.index("Prices here") < bell.index("Prices there")
    assert horn.index("Prices there") < horn.index("Prices here")


def test_a_known_word_is_no_typing_mistake_of_another(indexed) -> None:
    ask = indexed(Entry("a", ("Trains",), "Take trains."), Entry("a", ("Brains",), "Use brains."))
    assert ask("trains") == ["Trains"]
    assert set(ask("drains")) == {"Trains", "Brains"}


@pytest.mark.parametrize(
    ("query", "heading"),
    [
        ("Where do I get a reimbursement?", "Refunds"),
        ("czy dojadę do was tramwajem, i gdzie jest przystanek tramwaj?", "Autobus"),
        ("你们可以刷卡吗", "信用卡"),
    ],
)
def test_a_word_of_the_same_meaning_is_found(indexed, query, heading) -> None:
    ask = indexed(
        Entry("Shop.md", ("Refunds",), "A refund takes five days, and you are told when it was sent to the bank."),
        Entry("Shop.md", ("Colours",), "We have blue and red ones, and those that are green as well."),
        Entry("Sklep.md", ("Autobus",), "Zatrzymuje się obok naszego sklepu, przy ulicy Długiej."),
        Entry("店.md", ("信用卡",), "我们这里的客人都用信用卡。"),
    )
    assert ask(query) == [heading]


@pytest.mark.parametrize(("query", "heading"), [("garantia?", "Cobertura"), ("colectivo?", "Autobús")])
def test_a_word_of_the_same_meaning_is_found_where_the_question_has_no_accents_or_a_passage_no_language(
    indexed, query, heading
) -> None:
    ask = indexed(
        Entry("Tarifas.md", ("Bautismo",), "75 euros"),
        Entry("Tienda.md", ("Cobertura",), "La de los aparatos es de dos años, y no hay que hacer nada para tenerla."),
        Entry("Tienda.md", ("Autobús",), "La parada está frente a la entrada de nuestra tienda, y es la primera."),
    )
    assert ask(query) == [heading]


@pytest.mark.parametrize(
    ("query", "headings"),
    [
        ("How much is it?", ["Prices"]),
        ("Could I send it back?", ["Returns"]),
        ("I am sending these two parcels back", ["Returns", "Parcels"]),
        ("Could you send parcels that we have paid for back?", ["Parcels"]),
        ("Is the way back much longer?", []),
    ],
)
def test_an_expression_is_found_by_words_of_the_same_meaning_and_not_by_its_own(indexed, query, headings) -> None:
    ask = indexed(
        Entry("Shop.md", ("Prices",), "They are on the label, and the same for everybody who comes."),
        Entry("Shop.md", ("Returns",), "We accept them for two weeks, if you have the receipt with you."),
        Entry("Shop.md", ("Parcels",), "They are weighed in the office, and then they wait for you there."),
    )
    assert ask(query) == headings


def test_one_of_an_expressions_words_is_less_than_a_word_of_the_same_meaning(indexed) -> None:
    text = "It is what you see when you come to us, and that is how we do it."
    ask = indexed(Entry("A.md", ("Second",), text), Entry("B.md", ("Preowned",), text))
    assert ask("Is it second-hand?") == ["Preowned", "Second"]


def test_the_word_itself_comes_before_another_of_the_same_meaning(indexed) -> None:
    text = "It takes five days, and you are told when it was sent to the bank."
    ask = indexed(Entry("A.md", ("Refund",), text), Entry("B.md", ("Reimbursement",), text))
    assert ask("reimbursement?") == ["Reimbursement", "Refund"]


def test_a_compound_that_no_passage_has_is_found_by_both_of_its_parts(indexed) -> None:
    ask = indexed(
        Entry("Rad.md", ("Werkstatt",), "In der Werkstatt arbeiten drei von uns, und sie ist sehr hell."),
        Entry("Rad.md", ("Vereinbaren",), "Für die Werkstatt gibt es einen Termin auch über das Formular."),
        Entry("Rad.md", ("Laden",), "Unser Laden ist am Markt, neben der Kirche und dem Rathaus."),
        Entry("Rad.md", ("Werkstatt und wer dort ist",), "In der Werkstatt sind wir alle von früh bis spät."),
    )
    assert ask("Werkstatttermin")[0] == "Vereinbaren"


def test_a_word_is_not_related_to_one_that_any_question_may_have(indexed) -> None:
    ask = indexed(
        Entry("Hotel.md", ("Zimmer",), "Die Zimmer sind nach der Renovierung für Sie da, und nach dem Frühstück."),
        Entry("Hotel.md", ("Nachtruhe",), "Ab zehn Uhr ist es im Haus für alle still."),
    )
    assert ask("nachts") == ["Nachtruhe"]


@pytest.mark.parametrize(
    ("query", "heading"),
    [
        ("Hochzeitsparty", "Feste"),  # others of both parts' meanings
        ("Kündigungsbestätigung", "Austritt"),  # the first part as a stem, the second as another of its meaning
        ("Zwergponyhonorar", "Gebühren"),  # the second part alone
        ("Was kostet das?", "Kursgebühren"),  # a compound of another word of the meaning
        ("Wann wird geliefert?", "Zustellung"),  # a form that the stemmer leaves
        ("Workshops", "Lehrgang"),
        ("Wann macht ihr zu?", "Ruhetag"),  # a verb in two parts, of words that any question may have
    ],
)
def test_german_words_of_the_same_meaning_count_for_parts_of_compounds_and_for_forms(indexed, query, heading) -> None:
    texts = {
        "Feste": "Zur Trauung und zu jeder anderen Feier ist der Saal für Sie mit Blumen da.",
        "Austritt": "Die Bescheinigung über die Kündigung ist mit der Post bei Ihnen.",
        "Gebühren": "Die Gebühr ist in der Tabelle, und sie ist für alle von uns die gleiche.",
        "Kursgebühren": "Die Tabelle ist für alle von uns die gleiche.",
        "Zustellung": "Die Zustellung ist am Tag nach dem Eingang bei uns.",
        "Ruhetag": "Es ist der Montag für uns alle.",
        "Lehrgang": "Der Lehrgang ist in einem Saal mit Blumen.",
    }
    others = [Entry("Haus.md", (each,), texts[each]) for each in texts if each in ("Feste", heading)]
    ask = indexed(*others, Entry("Haus.md", ("Rathaus",), "Das Rathaus ist am Markt, neben der Kirche und dem Turm."))
    assert ask(query)[:1] == [heading]


@pytest.mark.parametrize("heading", ["Many things besides which PayPal stands", "Colours"])
def test_a_heading_that_the_question_names_whole_makes_it_surer(tmp_path, heading) -> None:
    def confidence(name: str, heading: str) -> float:
        build(tmp_path / name, [Entry("a.md", (heading,), "PayPal is what we take for all that you order from us.")])
        opened = Index(tmp_path / name)
        (hit,) = opened.search("do you take PayPal for this?", 1)
        opened.close()
        return hit.confidence

    assert confidence("whole", "PayPal") > confidence("other", heading)


def test_numbers_are_found_as_they_are(indexed) -> None:
    ask = indexed(
        Entry("a", ("A",), "Model 1234."), Entry("a", ("B",), "Model 12345."), Entry("a", ("C",), "Number ٩٩.")
    )
    assert ask("12345") == ["B"]
    assert ask("99") == ["C"]


def test_a_language_that_the_document_names_counts_where_its_words_do_not_tell(indexed) -> None:
    ask = indexed(Entry("a", ("Preise",), "Gutscheinen", language="de-AT"))
    assert ask("Was kostet ein Gutschein?") == ["Preise"]


@pytest.mark.timed
@pytest.mark.parametrize(
    "query",
    [
        " ".join(f"versand{number} lieferung{number} zurück" for number in range(334)),
        "the and of der die das " * 167,
        "配送料はいくらですか営業時間" * 80,
        "ສະບາຍດີ ស្ថានី မင်္ဂလာပါ ᏣᎳᎩ ⴰⵎⴰⵣⵉⵖ " * 200,
        "x" * 1_000_000,
    ],
)
def test_a_question_of_any_length_takes_little_time(index, query) -> None:
    times = []
    for _ in range(3):
        started = process_time()
        index.search(query, 3)
        times.append(process_time() - started)
    assert min(times) < 0.05


def test_an_empty_index_finds_nothing(tmp_path) -> None:
    build(tmp_path / "index", [])
    index = Index(tmp_path / "index")
    assert (index.entries, index.search("anything", 3)) == (0, [])


def test_a_file_that_is_no_index_of_this_version_is_refused(tmp_path) -> None:
    path = tmp_path / "index"
    with pytest.raises(OSError, match="index"):
        Index(path)
    path.write_bytes(b"")
    with pytest.raises(FormatError):
        Index(path)
    path.write_bytes(b"no database" * 1000)
    with pytest.raises(FormatError):
        Index(path)
    path.unlink()
    build(path, SHOP)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(FormatError):
        Index(path)
    path.write_bytes(whole.replace(b"PyStemmer", b"OtherOnes"))
    with pytest.raises(FormatError, match="format"):
        Index(path)


def test_an_index_that_cannot_be_written_is_an_os_error(tmp_path) -> None:
    with pytest.raises(OSError, match="index"):
        build(tmp_path / "missing" / "index", SHOP)


text = st.text(max_size=60)


@settings(deadline=None, max_examples=60)
@given(
    entries=st.lists(st.builds(Entry, text, st.lists(text, max_size=3).map(tuple), text, text, text), max_size=6),
    query=st.text(max_size=200),
)
def test_any_entries_come_back_as_they_were_and_no_query_fails(tmp_path_factory, entries, query) -> None:
    path = tmp_path_factory.mktemp("any") / "index"
    build(path, entries)
    index = Index(path)
    assert [index.entry(number) for number in range(index.entries)] == entries
    for asked in (query, *(entry.text for entry in entries)):
        hits = index.search(asked, 3)
        assert len(hits) <= 3
        assert all(0 <= hit.confidence <= 1 and hit.score > 0 and hit.entry == entries[hit.number] for hit in hits)
        assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)
    index.close()
