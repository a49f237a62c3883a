"""Which sampling options a request carries."""

import pytest

from app.engine.agent import AnswerOptions
from app.providers.apis.known_models import Traits
from app.providers.apis.sampling import sampling_fields, seed_of, unheeded_sampling

BOTH, ONE, NONE = Traits(), Traits(sampling="one"), Traits(sampling=False)
T, P = {"temperature": 0.7}, {"top_p": 0.9}
ROWS = [  # traits, configured, asked, sent
    (BOTH, {}, {}, {}),
    (BOTH, T, {}, T),
    (BOTH, T, P, {**T, **P}),
    (BOTH, T, {"temperature": 0}, {"temperature": 0}),
    (BOTH, {}, {"temperature": 5}, {"temperature": 2}),
    (BOTH, {"temperature": 3}, {}, {"temperature": 2}),
    (Traits(max_temperature=5), {"temperature": 3}, {"temperature": 4}, {"temperature": 4}),
    (Traits(max_temperature=1.5), {}, {"temperature": 2}, {"temperature": 1.5}),
    (BOTH, {}, {"top_p": 0}, {"top_p": 0.01}),
    (BOTH, {}, {"top_p": 1}, {"top_p": 1}),
    (ONE, T, {}, T),
    (ONE, P, {}, P),
    (ONE, {**T, **P}, {}, T),
    (ONE, {}, {**T, **P}, T),
    (ONE, T, P, P),
    (ONE, P, T, T),
    (ONE, {**T, **P}, {"temperature": 0}, {"temperature": 0}),
    (NONE, {**T, **P}, {**T, **P}, {}),
]


@pytest.mark.parametrize(("traits", "configured", "asked", "sent"), ROWS, ids=str)
def test_a_callers_options_win_within_what_the_model_heeds(traits, configured, asked, sent) -> None:
    assert sampling_fields(AnswerOptions(**asked), configured, traits) == sent


@pytest.mark.parametrize(
    ("configured", "asked", "seed"),
    [
        ({}, None, None),
        ({"seed": 5}, None, 5),
        ({"seed": 5}, 0, 0),
        ({}, 2**31 - 1, 2**31 - 1),
        ({}, 2**63 - 1, 2**31 - 1),
    ],
    ids=str,
)
def test_a_callers_seed_is_folded_into_what_every_server_takes(configured, asked, seed) -> None:
    assert seed_of(AnswerOptions(seed=asked), configured) == seed


UNHEEDED = [
    (BOTH, {**T, **P}, {}),
    (BOTH, {"temperature": 3}, {"temperature": "is sent as 2, where the API's range ends"}),
    (ONE, {**T, **P}, {"top_p": "is not sent: the model takes one of temperature and top_p"}),
    (NONE, T, {"temperature": "is not sent: the model takes no sampling options"}),
    (NONE, {"temperature": 3}, {"temperature": "is not sent: the model takes no sampling options"}),
]


@pytest.mark.parametrize(("traits", "configured", "told"), UNHEEDED, ids=str)
def test_what_is_configured_and_not_sent_is_told(traits, configured, told) -> None:
    assert dict(unheeded_sampling(configured, traits)) == told
