"""What every wire promises those who leave, and those whose worker ends (app/testing/guarantees_suite.py)."""

import pytest
from support.wires import STREAMS, WHOLE

from app.testing.guarantees_suite import StreamGuaranteesSuite, WholeGuaranteesSuite


@pytest.mark.parametrize("wire", STREAMS, ids=repr)
class TestEveryStream(StreamGuaranteesSuite):
    pass


@pytest.mark.parametrize("wire", WHOLE, ids=repr)
class TestEveryWhole(WholeGuaranteesSuite):
    pass
