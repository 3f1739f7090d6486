import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconcile.components.controllers.runtime import WorkQueue


class Naive:
    """client-go's work queue with its own two sets and its queue."""

    def __init__(self):
        self.dirty, self.processing, self.queue = set(), set(), []

    def add(self, key):
        if key in self.dirty:
            return
        self.dirty.add(key)
        if key not in self.processing:
            self.queue.append(key)

    def take(self):
        key = self.queue.pop(0)
        self.processing.add(key)
        self.dirty.discard(key)
        return key

    def done(self, key):
        self.processing.discard(key)
        if key in self.dirty:
            self.queue.append(key)


@given(st.lists(st.tuples(st.sampled_from(["add", "take", "done"]), st.integers(0, 4)), max_size=120))
def test_does_what_client_go_does(operations):
    queue, naive = WorkQueue(), Naive()
    for operation, number in operations:
        key = f"default/{number}"
        if operation == "add":
            queue = queue.add(key)
            naive.add(key)
        elif operation == "take" and naive.queue:
            taken, queue = queue.take()
            assert taken == naive.take()
        elif operation == "done" and key in naive.processing:
            queue = queue.done(key)
            naive.done(key)
        assert queue.waiting() == tuple(naive.queue)
        assert queue.count == len(naive.queue)
        assert [queue.works_on(f"default/{one}") for one in range(5)] == [
            f"default/{one}" in naive.processing for one in range(5)
        ]


def test_queue_of_many_keeps_its_order():
    queue = WorkQueue()
    keys = [f"key-{number:04}" for number in range(1000)]
    for key in keys:
        queue = queue.add(key)
    taken = []
    while queue.count:
        key, queue = queue.take()
        queue = queue.done(key)
        taken.append(key)
    assert taken == keys


def test_nothing_can_be_taken_from_an_empty_queue():
    with pytest.raises(IndexError):
        WorkQueue().take()
