"""A server that is killed in the middle of writes has all that it acknowledged when it is started again."""

import pytest

pytest.importorskip("aiohttp", reason="serving comes with the extra 'serve'")

from tests.benchmarks.kills import soak


@pytest.mark.parametrize("torn", [False, True])
def test_nothing_acknowledged_is_lost(tmp_path, torn):
    data = soak(tmp_path, 5, seed=1 + torn, torn=torn)
    assert data.acknowledged
    assert data.seen
