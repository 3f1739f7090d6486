from hypothesis import given
from hypothesis import strategies as st

from reconcile.lib.bucket import Bucket

BUCKET = Bucket(every=10, burst=3)


def test_a_full_bucket_gives_its_burst_at_once_and_then_one_after_the_other():
    full_at, waits = 0, []
    for _ in range(6):
        full_at = BUCKET.taken(full_at, 100)
        waits.append(BUCKET.owed(full_at, 100))
    assert waits == [0, 0, 0, 10, 20, 30]


def test_tokens_come_back_one_by_one_and_never_more_than_the_burst():
    full_at = BUCKET.taken(0, 100, 3)
    assert [BUCKET.missing(full_at, now) for now in (100, 109, 110, 129, 130, 1000)] == [3, 3, 2, 1, 0, 0]
    assert BUCKET.owed(BUCKET.taken(full_at, 110), 110) == 0
    assert BUCKET.owed(BUCKET.taken(full_at, 110, 2), 110) == 10
    assert BUCKET.owed(BUCKET.taken(full_at, 10_000, 4), 10_000) == 10


@given(st.lists(st.tuples(st.integers(0, 40), st.integers(1, 4)), max_size=30))
def test_it_is_a_bucket_of_tokens_that_are_counted(takings):
    # Tokens in tenths, which may be owed: what golang.org/x/time/rate counts.
    now, tokens, full_at = 0, 30, 0
    for pause, count in takings:
        now += pause
        tokens = min(tokens + pause, 30) - 10 * count
        full_at = BUCKET.taken(full_at, now, count)
        assert BUCKET.owed(full_at, now) == max(-tokens, 0)
