"""Raft under chance: whatever is lost, late, repeated or crashes, what is promised holds."""

from hypothesis import given
from hypothesis import strategies as st

from tests.properties.raft.world import played


@given(st.integers(0, 2**32))
def test_any_schedule_keeps_what_is_promised(seed):
    assert played(seed, actions=300).leaders
