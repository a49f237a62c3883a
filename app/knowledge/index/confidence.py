"""How sure it is that a passage answers a question by itself.

A logistic function of three figures. Its numbers were first fitted by regression over 313 questions in eight languages
that a passage answers and 84 that none does, each in an index of 60 to 90 passages (bench/knowledge/sets); then chosen
by hand among seven sets of them, for the same questions and a few of a tea house. With the boundary at CONFIDENT, the
built-in model answers 4 of the 84, gives the right passage for 50 % of the 313 and a wrong one for 4 %; of the others
it says that it does not know. All pages in one index of 573 passages: 4 of the 84 again, 59 % and 6 %.
"""

from math import exp

CONFIDENT = 0.5  # from here on a passage answers a question by itself

_COVERED, _WHOLE, _WORTH, _HEADED, _NONE = 2.3, 1.6, 2.6, 1.4, -5.4


def confidence(covered: float, worth: float, headed: float) -> float:
    """From 0 to 1.

    - `covered`: how much of the question the passage has, from 0 to 1, by what its words are worth; a question's only
      word may be all of it.
    - `worth`: of the question's words in the passage, as it is ranked; 1 is what the rarest word is worth.
    - `headed`: how much of the passage's heading the question has, from 0 to 1, by the number of its words.
    """
    evidence = _COVERED * covered + _WHOLE * covered**4 + _WORTH * worth + _HEADED * headed + _NONE
    return 1 / (1 + exp(-evidence))
