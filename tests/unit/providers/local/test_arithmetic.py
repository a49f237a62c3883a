"""Which questions the built-in model takes for arithmetic."""

import time

import pytest

from app.providers.local.arithmetic import find_expression
from app.tools.builtin.calculator import calculate


@pytest.mark.parametrize(
    ("question", "value"),
    [
        ("What is 2+2?", "4"),
        ("what's 2 + 2", "4"),
        ("  What is the 2+2 ?", "4"),
        ("2+2=", "4"),
        ("How much is 15% of 80?", "12"),
        ("20 percent of 50", "10"),
        ("How much are 3 times 4", "12"),
        ("3 x 4", "12"),
        ("3 \u00d7 4", "12"),
        ("2\u00b73", "6"),
        ("9 \u00f7 3", "3"),
        ("calculate 2^10", "1024"),
        ("Compute 2 to the power of 10.", "1024"),
        ("What is the square root of 16?", "4"),
        ("1,234,567 + 1", "1234568"),
        ("7 divided by 2", "3.5"),
        ("10 minus 3 plus 1", "8"),
        ("What is \u22125 + 3", "-2"),
        ("work out (1 + 2) * 3", "9"),
        ("WHAT IS 6 MULTIPLIED BY 7", "42"),
        ("what is 24/7", "3.42857142857143"),
        ("1.5*2", "3"),
        ("Was ist 2+2?", "4"),
        ("Wieviel sind 15 % von 80?", "12"),
        ("¿Cuánto es 3 * 4?", "12"),
        ("Combien font 2 + 2 ?", "4"),
        ("сколько будет 6*7", "42"),
        ("كم يساوي 6*7؟", "42"),
        ("\u0666 * \u0667", "42"),
        ("1,5 + 1,5", "3"),
        ("1.234,50 + 1", "1235.5"),
        ("1.234.567 + 1", "1234568"),
        ("1,234.5 * 2", "2469"),
        ("Was ist 3,50 x 2?", "7"),
        ("(10 - 3) / 7", "1"),
    ],
)
def test_a_sum_is_found_in_the_question(question, value) -> None:
    expression = find_expression(question)
    assert expression is not None
    assert calculate(expression) == value


@pytest.mark.parametrize(
    "question",
    [
        *("", "?", "What is love?", "What is 12?", "-5", "42", "Are you open 24/7?", "24/7", "1/2", "2026-10-09", "5!"),
        *(
            "24/7?",
            "12.11.2026 - 14.11.2026",
            "12.11.\u201314.11.2026",
            "+49 30 / 123456",
            "+49 (0)30-123456",
            "24.12.?",
        ),
        *("+49 170 1234567", "(030) 123-456", "call me at 555-1234", "2+2 is easy for you", "What is C++?", "1.2.3"),
        *("Was ist Oolong?", "¿Cuánto es el envío?", "Was ist 12?", "Сколько будет доставка?"),
        *("what is __import__('os')", "what is 2+x", "how much is the fish", "50%"),
    ],
)
def test_what_is_no_sum_is_left_alone(question) -> None:
    assert find_expression(question) is None


@pytest.mark.parametrize(
    "question",
    ["1" * 16_000, "1" + " " * 16_000 + "1", "what is" + " " * 16_000 + "1\n2", "1 " * 10_000, "(" * 16_000],
    ids=["digits", "gap", "gap before two lines", "numbers", "brackets"],
)
def test_a_long_message_is_looked_through_quickly_because_nothing_else_runs_meanwhile(question) -> None:
    begun = time.thread_time()
    find_expression(question)
    assert time.thread_time() - begun < 0.25
