"""What every wire promises (app/testing/wire_suite.py), asked of each wire that tests/support/wires.py knows."""

import pytest
from support.wires import HISTORIES, STREAMS, WHOLE

from app.testing.history_suite import HistorySuite
from app.testing.wire_suite import StreamSuite, WholeSuite


@pytest.mark.parametrize("wire", STREAMS, ids=repr)
class TestEveryStream(StreamSuite):
    pass


@pytest.mark.parametrize("wire", WHOLE, ids=repr)
class TestEveryWhole(WholeSuite):
    pass


@pytest.mark.parametrize("wire", HISTORIES, ids=repr)
class TestEveryHistory(HistorySuite):
    pass
