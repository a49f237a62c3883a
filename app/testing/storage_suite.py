"""What every wire promises about a database that cannot be written; the wires' suites inherit these tests."""

import time

from app.testing.caller import Caller
from app.testing.server import script
from app.testing.unstored_suite import unwritable


class StorageSuite:
    """What holds for every wire, whether it streams or not."""

    def test_a_question_that_cannot_be_stored_is_refused_and_leaves_nothing_and_the_next_is_answered(
        self, caller: Caller
    ) -> None:
        lost, asked = script({"text": "never"}), script({"text": "fine"})
        body, path = caller.body(lost), caller.path
        assert path
        with unwritable(caller.server):
            begun = time.monotonic()
            for _ in range(3):
                caller.wire.check_store_error(caller.post(body))
            assert time.monotonic() - begun < 15, "each within the time that the store has"
        assert caller.stored(lost) == [], "no model is asked for what is not stored"
        assert not caller.server.rows("SELECT * FROM messages WHERE status = 'running'")
        assert caller.wire.decode(caller.ask(asked).content).text == "fine"
