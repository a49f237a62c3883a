"""What every client of a vendor's API is to show its program, whichever it is."""

import json
from collections.abc import Mapping
from typing import Any

import pytest
from support.vendor_models import IMAGE, PIECES, SIGNATURE, SLOWLY, THOUGHT, USAGE
from support.vendors import STATUSES, Client, Ran, Vendors

TEXT, TOKENS = "".join(PIECES), [*USAGE.values()]
CALLS, ANSWER = [["get_weather", {"city": "Oslo"}]], "21 degrees it is"
HOLDS = 2  # a limit of one a second is over by then, however busy the machine; nobody waits for a minute


class VendorsSuite:
    """A subclass says which clients there are, as a fixture `client`."""

    @pytest.fixture
    def ran(self, client: Client, vendors: Vendors) -> Ran:
        return vendors.ran(client)

    def test_an_answer_arrives_whole_with_its_usage_and_why_it_ended(self, client: Client, ran: Ran) -> None:
        told = ran.told["whole"]
        assert (told["text"], told["usage"]) == (TEXT, TOKENS)
        assert told.get("reason", client.reasons[0]) == client.reasons[0]

    def test_a_stream_arrives_in_pieces_with_its_usage_and_why_it_ended(self, client: Client, ran: Ran) -> None:
        told = ran.told["streamed"]
        assert (told["pieces"], told["usage"]) == ([*PIECES], TOKENS)
        assert told.get("reason", client.reasons[0]) == client.reasons[0]

    @pytest.mark.parametrize("how", ["tool", "toolStreamed"], ids=["whole", "streamed"])
    def test_a_tool_runs_at_the_caller_and_its_result_is_answered(self, client: Client, ran: Ran, how: str) -> None:
        told = ran.told[how]
        assert (told["calls"], told["answer"]) == (CALLS, ANSWER)
        assert told.get("reason", client.reasons[1]) == client.reasons[1]

    def test_calls_of_the_agents_own_tools_are_not_told(self, ran: Ran) -> None:
        assert ran.told["own"] == "4 it is"

    def test_what_is_refused_raises_the_clients_own_errors(self, client: Client, ran: Ran) -> None:
        errors = {kind: ran.told["errors"][kind] for kind in STATUSES if kind in ran.told["errors"]}
        found = {kind: (error["class"], error["status"]) for kind, error in errors.items()}
        assert found == {kind: (client.class_of(kind), STATUSES[kind]) for kind in errors}
        assert found.keys() >= {"key", "model", "image", "unpaid"}
        assert "nope" in errors["model"]["message"]

    def test_a_stream_that_breaks_off_raises_behind_what_it_has_said(self, client: Client, ran: Ran) -> None:
        error = ran.told["errors"]["broken"]
        assert (ran.told["partly"], error["class"]) == ("so far", client.class_of("broken"))
        assert "The model failed to answer" in error["message"]

    def test_what_may_pass_is_asked_again_and_what_is_not_paid_for_is_not(self, ran: Ran) -> None:
        assert ran.told["retried"] == TEXT
        assert (ran.statuses.count(502), ran.statuses.count(402)) == (1, 1)

    def test_over_the_limit_it_raises_or_waits_as_it_is_told(self, client: Client, ran: Ran) -> None:
        limits = ran.told["limits"]
        assert (limits["first"]["class"], limits["first"]["status"]) == (client.class_of("limit"), 429)
        assert limits["seconds"] < 2 * HOLDS + 2
        assert ran.limited.count(429) >= 2, "it came again"

    def test_an_image_reaches_a_model_that_takes_images(self, client: Client, ran: Ran) -> None:
        assert ran.told["image"] == TEXT
        (asked,) = (body for body in ran.asked if IMAGE in json.dumps(body))
        *_, image = asked["messages"][-1]["content"]
        assert without_detail(image) == image_of(client.wire)

    def test_an_image_for_a_model_that_takes_none_is_refused_by_its_place(self, client: Client, ran: Ran) -> None:
        error = ran.told["errors"]["image"]
        assert "content.1: This agent's model takes no images." in error["message"]
        said = {"openai": "messages", "responses": "input"}.get(client.wire)
        if said:
            assert error["param"] in (f"{said}[0].content[1]", f"{said}[1].content[1]"), "behind instructions, or not"


class ThoughtsSuite:
    """The same for signed thoughts, of clients that have a place for them."""

    @pytest.mark.parametrize("how", ["thought", "thoughtStreamed"], ids=["whole", "streamed"])
    def test_a_signed_thought_comes_back_to_the_model_byte_for_byte(
        self, client: Client, vendors: Vendors, how: str
    ) -> None:
        ran = vendors.ran(client)
        thought, called = ran.told[how]
        assert (thought, called["calls"], called["answer"]) == (THOUGHT, CALLS, ANSWER)
        signed = {"type": "thinking", "thinking": THOUGHT, "signature": SIGNATURE}
        answers = [message for body in ran.asked for message in body["messages"] if message["role"] == "assistant"]
        back = [message["content"][0] for message in answers if message["content"][0]["type"] == "thinking"]
        assert back == [signed, signed], "of the answer in one piece, and of the stream"


class StoredResponsesSuite:
    """What OpenAI's own clients do with responses that are stored."""

    def test_a_response_cut_at_any_event_is_read_on_to_its_end_and_nothing_comes_twice(
        self, client: Client, vendors: Vendors
    ) -> None:
        whole, *cut = vendors.ran(client).told["cut"]
        assert whole["kinds"].count("response.output_text.delta") > len(SLOWLY) / 2, "it came in pieces"
        assert len(cut) == len(whole["kinds"]), "behind each event but the last, and behind each again"
        said = "".join(SLOWLY)
        for told in (whole, *cut):
            assert (told["text"], told["stored"], told["ascends"]) == (said, said, True)
            once = [kind for kind in told["kinds"] if not kind.endswith(".delta")]
            assert once == [kind for kind in whole["kinds"] if not kind.endswith(".delta")]

    def test_a_response_in_the_background_is_read_from_its_first_event(self, client: Client, vendors: Vendors) -> None:
        assert vendors.ran(client).told["fromBegin"] == "".join(SLOWLY)

    def test_a_response_is_looked_up_gone_on_from_cancelled_and_deleted(self, client: Client, vendors: Vendors) -> None:
        told = vendors.ran(client).told
        stored, errors = told["stored"], told["errors"]
        assert (stored["items"], stored["same"], told["toolPosted"]) == (["sum"], True, ANSWER)
        assert told["cancelled"] == ["queued", "cancelled", "cancelled"]
        for missing in (stored["deleted"], stored["goneOn"], errors["retrieved"]):
            assert (missing["class"], missing["status"]) == ("NotFoundError", 404)

    def test_the_error_has_the_parameter_that_is_wrong_and_a_code(self, client: Client, vendors: Vendors) -> None:
        told = vendors.ran(client).told
        errors, gone = told["errors"], told["stored"]["goneOn"]
        assert errors["request"]["param"] == "max_tool_calls"
        codes = ["invalid_api_key", "model_not_found", "insufficient_quota"]
        assert [errors[kind]["code"] for kind in ("key", "model", "unpaid")] == codes
        assert (gone["param"], gone["code"]) == ("previous_response_id", "previous_response_not_found")


def image_of(wire: str) -> Mapping[str, Any]:
    """As the model's server gets it."""
    if wire != "messages":
        return {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{IMAGE}"}}
    return {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": IMAGE}}


def without_detail(image: dict[str, Any]) -> dict[str, Any]:
    """Some clients add how closely it is to be looked at: automatically."""
    if image.get("image_url", {}).get("detail") != "auto":
        return image
    return {**image, "image_url": {"url": image["image_url"]["url"]}}
