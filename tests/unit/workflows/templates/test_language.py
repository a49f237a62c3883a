"""What templates can do, and what they are kept from: reaching out of their data, and looping for ever. What else could
run away is for tests/slow/test_workflow_rendering.py."""

from contextlib import suppress
from time import monotonic, thread_time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.workflows.templates.filters import FILTERS
from app.workflows.templates.language import MOST_CHARACTERS, MOST_OUTPUT, Template, TemplateError, as_text, fill

STEPS = {
    "sum": {"result": "42.5", "error": None},
    "clock": {"result": {"time": "12:30", "zone": "UTC", "items": [1, 2]}, "error": None},
    "list": {"result": ["b", "a", "c"], "error": None},
    "lost": {"result": None, "error": "it rained"},
}
VARIABLES = {"input": "Pay 40,5 euros", "steps": STEPS}
BOUND = 3.0  # seconds; 0.1 is promised, and a machine may be slow


def render(source: str, **variables: object) -> str:
    Template(source)
    return fill(source, {**VARIABLES, **variables})


def refusal(source: str, **variables: object) -> str:
    """Why there is no text; and that this was found out soon."""
    started = monotonic()
    with pytest.raises(TemplateError) as caught:
        render(source, **variables)
    assert monotonic() - started < BOUND
    return str(caught.value)


WORKS = {
    "": "",
    "plain {text} with { braces }": "plain {text} with { braces }",
    "{{ input }}": "Pay 40,5 euros",
    "{{ input | first_number }}": "40.5",
    "{{ 'none' | first_number }}|{{ 'none' | numbers }}": "|[]",
    "{{ '1.234 or 5' | numbers | join(' ') }} {{ '1234.5' | number }}": "1.234 1234 5 1,234.5",
    "{{ '1469.055' | number(2) }} {{ 2 | number }} {{ (1 / 3) | number(3) }}": "1,469.06 2 0.333",
    "{{ input[:3] }}{{ input[0] }}{{ input[-1] }}": "PayPs",
    "{{ steps.sum.result }}|{{ steps['sum'].result }}|{{ steps.sum['result'] }}": "42.5|42.5|42.5",
    "{{ steps.clock.result.time }} {{ steps.clock.result['zone'] }}": "12:30 UTC",
    "{{ steps.clock.result.items[1] }}": "2",
    "{{ steps.lost.error }}": "it rained",
    r"{{ 'a\0\x00' }}": "a\ufffd\ufffd",
    "{{ steps.lost.result | default('none') }}": "none",
    "{{ steps.lost.result.time | default('unknown') }}": "unknown",
    "{{ steps.sum.result | float * 2 + 1 }}": "86.0",
    "{{ 7 // 2 }} {{ 7 % 2 }} {{ 1 / 4 }} {{ -3 - +2 }}": "3 1 0.25 -5",
    "{{ steps.sum.result | float > 42 and not steps.sum.result == '1' }}": "true",
    "{{ 'Pay' in input }} {{ 'x' in input or 1 < 2 <= 2 }}": "true true",
    "{{ 'dear' if steps.sum.result | float > 40 else 'cheap' }}": "dear",
    "{% if steps.lost.result is none %}lost{% elif input %}x{% else %}y{% endif %}": "lost",
    "{% for each in steps.list.result %}{{ loop.index }}{{ each }}{% if not loop.last %},{% endif %}{% endfor %}":
        "1b,2a,3c",
    "{% for each in steps.list.result if each != 'a' %}{{ each }}{% endfor %}": "bc",
    "{% for each in [] %}{{ each }}{% else %}empty{% endfor %}": "empty",
    "{% for name, n in [('a', 1), ('b', 2)] %}{{ name }}{{ n }}{% endfor %}": "a1b2",
    "{{ [3, 1, 2] | max }}{{ [3, 1, 2] | min }}{{ ['1', 2, 'x'] | sum }}{{ [1, 2] | length }}": "313.02",
    "{{ steps.list.result | join('-') }} {{ steps.list.result | first }} {{ steps.list.result | last }}": "b-a-c b c",
    "{{ [] | first }}{{ [] | last }}": "",
    "{{ '2.567' | round(1) }} {{ -2 | abs }} {{ '3.9' | int }} {{ 'x' | int }} {{ 'x' | float }}": "2.6 2 3 0 0.0",
    "{{ ' Ab ' | trim | upper }}{{ 'Ab' | lower }}{{ 5 | string }}": "ABab5",
    "{{ 'one two three' | truncate(9) }}": "one two…",
    "{{ steps.clock.result | tojson }}": '{"time":"12:30","zone":"UTC","items":[1,2]}',
    "{{ steps.clock.result is defined }} {{ steps.clock.result.nothing is undefined }}": "true true",
    "{{ 5 is number }} {{ input is string }}": "true true",
    "{# nothing #}{% raw %}{{ input }}{% endraw %}": "{{ input }}",
    "{{ '<b>&' }}": "<b>&",
    "{{ steps.clock.result }} {{ [true, none] }} {{ 1 > 2 }}":
        '{"time":"12:30","zone":"UTC","items":[1,2]} [true,null] false',
    "{{ '\\ud800' }}": "\ufffd",
}  # fmt: skip

OUT_OF_REACH = [
    "{{ input.__class__ }}", "{{ input['__class__'] }}", "{{ input | attr('__class__') }}", "{{ ''.__class__ }}",
    "{{ ().__class__ }}", "{{ steps.__init__ }}", "{{ steps.sum.__class__ }}", "{{ steps['__class__'] }}",
    "{{ steps.list.result.__add__ }}", "{{ steps.list.result['__len__'] }}", "{{ input['__cla' ~ 'ss__'] }}",
    "{{ input['\\x5f\\x5fclass\\x5f\\x5f'] }}", "{{ input._x }}", "{{ input.format }}", "{{ input.upper }}",
    "{{ steps.sum.items }}", "{{ steps.list.result.append }}", "{{ steps.list.result | map('attr') }}",
    "{% for x in input %}{{ loop.__init__ }}{% endfor %}", "{% for x in input %}{{ loop._iterator }}{% endfor %}",
    "{% for x in input %}{{ loop.cycle }}{% endfor %}", "{% for x in input %}{{ loop['_iterable'] }}{% endfor %}",
]  # fmt: skip
CALLS = [
    "{{ input.upper() }}", "{{ range(9) }}", "{{ cycler(1) }}", "{{ dict() }}", "{{ lipsum() }}", "{{ namespace() }}",
    "{{ input() }}", "{{ joiner() }}", "{{ '{0.__class__}'.format(input) }}", "{{ steps.list.result.append(1) }}",
    "{% for x in input %}{{ loop(x) }}{% endfor %}", "{% call input() %}{% endcall %}", "{{ caller() }}",
    "{{ input.__class__() }}", "{{ steps.sum.get('result') }}", "{{ input|upper() () }}",
]  # fmt: skip
STATEMENTS = [
    "{% set x = 1 %}", "{% set x %}a{% endset %}", "{% macro f() %}{% endmacro %}", "{% import 'a' as a %}",
    "{% from 'a' import b %}", "{% include 'a' %}", "{% include '/etc/passwd' %}", "{% extends 'a' %}",
    "{% block a %}{% endblock %}", "{% with a = 1 %}{% endwith %}", "{% filter upper %}a{% endfilter %}",
    "{% autoescape true %}{% endautoescape %}", "{% do 1 %}", "{% for x in input recursive %}{% endfor %}",
    "{% for x in input %}{% break %}{% endfor %}", "{% trans %}{% endtrans %}", "{% debug %}",
    "{{ input ~ input }}", "{{ 9 ** 9 }}", "{{ lambda: 1 }}", "{{ [x for x in input] }}", "{{ *input }}",
]  # fmt: skip
UNKNOWN = [
    "{{ x }}", "{{ self }}", "{{ context }}", "{{ environment }}", "{{ __builtins__ }}", "{{ request }}",
    "{{ steps }}", "{{ steps | tojson }}", "{{ steps[input] }}", "{{ steps[0] }}", "{% for s in steps %}{% endfor %}",
    "{{ input | nothing }}", "{{ input | each }}", "{{ input | safe }}", "{{ input | format }}", "{{ input | e }}",
    "{{ input | map('upper') }}", "{{ input is callable }}", "{{ input is filter }}", "{{ steps.nobody.result }}",
    "{{ steps.clock.result.nothing }}", "{{ steps.sum.result.x.y }}", "{{ loop.index }}",
]  # fmt: skip
WRONG = [
    "{{ 'a' * 1000000000 }}", "{{ [1] * 1000000000 }}", "{{ input * 1000000000 }}", "{{ 'a' + 'b' }}", "{{ 1 / 0 }}",
    "{{ '%1000000000d' % 1 }}", "{{ '%s' % input }}", "{{ '%c' % 65 }}", "{{ 5 // 0 }}", "{{ 5 % 0 }}", "{{ -input }}",
    "{{ 'b' < 1 }}", "{{ input[0:2:0] }}", "{{ 1 | length }}", "{% for x in 5 %}{% endfor %}", "{{ 'x' | abs }}",
    "{{ input | join(1) }}", "{{ 'x' | round }}", "{{ input | upper('x') }}", "{{ [] | max }}", "{{ [1, 'a'] | max }}",
    "{{ steps.clock.result.nothing | tojson }}", "{{ x",
    "{% if %}", "{% for %}", "{{ }}", "{{ 'a }}", "{% endif %}", "{# open", "{% raw %}{% endraw", "{{ 1 2 }}",
]  # fmt: skip
RUNS_AWAY = {  # with the length of the input: some ten million turns, which end in a while where nothing stops them
    "nested loops": ("{% for a in input %}" * 5 + "{% endfor %}" * 5, 30),
    "nested loops with a condition": ("{% for a in input if a == 1 or true %}" * 3 + "{% endfor %}" * 3, 250),
    "a loop that finds nothing": ("{% for a in input %}" * 2 + "{% for a in input if a == 1 %}{% endfor %}"
                                  + "{% endfor %}" * 2, 250),
    "loops over lists of lists": ("{% for a in [input, input] %}" + "{% for b in a %}" * 3 + "{% endfor %}" * 4, 200),
}  # fmt: skip


@pytest.mark.parametrize(("source", "text"), WORKS.items(), ids=WORKS)
def test_a_template_makes_its_text(source, text) -> None:
    assert render(source) == text


def test_each_filter_is_in_the_table() -> None:
    assert {name for name in FILTERS if not any(f"| {name}" in source for source in WORKS)} == set()


@pytest.mark.parametrize("source", [*OUT_OF_REACH, *CALLS, *STATEMENTS, *UNKNOWN, *WRONG])
def test_what_the_language_has_not_is_refused_in_words(source) -> None:
    words = refusal(source)
    assert words
    assert "Traceback" not in words


@pytest.mark.parametrize("source", [*CALLS, *STATEMENTS])
def test_calls_and_statements_are_refused_before_anything_is_rendered(source) -> None:
    with pytest.raises(TemplateError):
        Template(source)


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("{{ x }}", "There is no 'x' here; there are: input, steps."),
        ("{{ steps }}", "steps is followed by a step's id: steps.ID.result"),
        ("{{ input | nothing }}", "There is no filter 'nothing'; there are: abs, default, first, "),
        ("{{ input.__class__ }}", "'__class__' is out of reach."),
        ("{{ input() }}", "Call is not possible in a template here."),
        ("{{ input * 3 }}", "* is for numbers; the filters int and float make them"),
        ("{{ 1 / 0 }}", "A template cannot be filled in: division by zero"),
        ("{% if %}", "Not a template: "),
        ("{{ steps.clock.result.nothing }}", "has no attribute 'nothing'"),
    ],
)
def test_a_refusal_says_what_is_wrong(source, words) -> None:
    assert words in refusal(source)


@pytest.mark.parametrize(("source", "length"), RUNS_AWAY.values(), ids=RUNS_AWAY)
def test_what_would_not_end_soon_is_stopped(source, length) -> None:
    assert refusal(source, input="x" * length) == "A template took longer than 0.1 seconds."


@pytest.mark.parametrize("filters", ["sum", "join", "upper | sum", "join | length"])
def test_what_takes_long_without_a_loop_is_stopped_too(filters) -> None:
    source = f"{{{{ [{','.join([f'input | {filters}'] * 100)}] | length }}}}"
    assert refusal(source, input="x" * MOST_OUTPUT) == "A template took longer than 0.1 seconds."


@pytest.mark.parametrize(
    "source", ["{{ input }}", "{% for a in [1, 2, 3] %}{{ input[:50000] }}{% endfor %}", "{{ input | upper }}"]
)
def test_too_much_output_is_refused(source) -> None:
    assert refusal(source, input="x" * (MOST_OUTPUT + 1)) == f"A template made more than {MOST_OUTPUT} characters."


def test_as_much_output_as_may_be_is_made() -> None:
    assert len(render("{{ input }}", input="x" * MOST_OUTPUT)) == MOST_OUTPUT


@pytest.mark.parametrize(
    "source",
    [
        "x" * (MOST_CHARACTERS + 1),
        "{{ " + "(" * 1900 + "1" + ")" * 1900 + " }}",
        "{% if 1 %}" * 150 + "{% endif %}" * 150,
        "{% if 1 %}" * 60 + "{% endif %}" * 60,
        "{% for a in input %}" * 21 + "{% endfor %}" * 21,
        "{{ " + "[" * 60 + "]" * 60 + " }}",
        "{{ " + " + ".join(["1"] * 60) + " }}",
        "{{ [" + ",".join(["1"] * 1500) + "] }}",
        "{{ input" + " | upper" * 60 + " }}",
        "{{ " + "not " * 900 + "1 }}",
    ],
    ids=lambda source: source[:20],
)
def test_a_source_that_is_too_large_or_too_deep_is_refused_soon(source) -> None:
    started = monotonic()
    with pytest.raises(TemplateError):
        Template(source)
    assert monotonic() - started < BOUND


def test_a_template_names_the_steps_that_it_looks_at() -> None:
    source = "{{ steps.a.result }}{% if steps['b'].error %}{{ input }}{% endif %}{{ [steps.c.result] | join }}"
    assert Template(source).steps == {"a", "b", "c"}
    assert Template("{{ input }}").steps == frozenset()


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("", ""),
        ("plain { text }\r\nof two lines\n", "plain { text }\nof two lines"),
        ("{# nothing #}a{% raw %}{{ b }}{% endraw %}c", "a{{ b }}c"),
        ("half a character: \ud800", "half a character: \ufffd"),
        ("{{ 1 }}", None),
        ("{% if true %}a{% endif %}", None),
    ],
)
def test_what_has_nothing_to_fill_in_is_its_own_text(source, text) -> None:
    assert Template(source).text == text
    assert text is None or text == fill(source, VARIABLES)


def test_rendering_leaves_what_it_was_given_as_it_was() -> None:
    given = {"input": "x", "steps": {"a": {"result": [1, {"b": 2}], "error": None}}}
    source = "{% for each in steps.a.result %}{{ each }}{% endfor %}"
    assert fill(source, given) == fill(source, given) == '1{"b":2}'
    assert given == {"input": "x", "steps": {"a": {"result": [1, {"b": 2}], "error": None}}}


@pytest.mark.parametrize(("value", "text"), [("a", "a"), (None, ""), ({"a": [1.5]}, '{"a":[1.5]}'), (True, "true")])
def test_a_result_as_text_is_itself_or_its_json(value, text) -> None:
    assert as_text(value) == text


PIECES = st.sampled_from(
    r"""{{ }} {% %} {# #} {{- -}} {%- -%} for in if elif else endif endfor set is not and or none true loop.index loop
    recursive input steps.a.result steps['a'] steps x . | ( ) [ ] { } , : = == < + - * / // % ** ~ 'a' "b" 0 1 99 1.5
    first_number default float int join round truncate tojson sum max length string defined number __class__
    _x range "\x5f" "\ud800" é""".split()  # noqa: SIM905 - a list of words reads best as words
)


@settings(deadline=None, max_examples=250)
@given(st.one_of(st.text(max_size=60), st.lists(PIECES, max_size=25).map(" ".join)), st.text(max_size=40))
def test_any_source_makes_a_text_or_a_refusal(source, text) -> None:
    started = monotonic()
    try:
        Template(source)
        made = fill(source, {"input": text, "steps": {"a": {"result": [text, 1, None], "error": None}}})
    except TemplateError as error:
        made = str(error)
    assert isinstance(made, str)
    assert monotonic() - started < BOUND


@settings(deadline=None, max_examples=200)
@given(
    st.lists(st.sampled_from(sorted(FILTERS)), min_size=1, max_size=4),
    st.recursive(
        st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=20)),
        lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(st.text(max_size=5), inner, max_size=4)),
    ),
)
def test_any_filters_on_any_json_make_a_text_or_a_refusal(filters, value) -> None:
    source = f"{{{{ steps.a.result | {' | '.join(filters)} }}}}"
    with suppress(TemplateError):
        assert isinstance(fill(source, {"input": "", "steps": {"a": {"result": value}}}), str)


def test_a_loop_within_a_loop_checks_the_time_limit_too() -> None:
    source = "{% for each in [1] %}{% for inner in input %}{% endfor %}{% endfor %}"
    with pytest.raises(TemplateError):
        fill(source, {"input": [0] * 3_000_000, "steps": {}}, thread_time() + 0.02)
