import attrs
from hypothesis import given
from hypothesis import strategies as st

from reconcile.api import core_v1, meta_v1
from reconcile.api.scalars import Time
from reconcile.components.recorder import answered, begin, record
from reconcile.effects import Call, Record
from reconcile.events import Answered
from reconcile.lib.dice import Dice
from reconcile.lib.instant import MINUTE, SECOND
from reconcile.model.requests import Request, Response

NOW = 1_767_225_600 * SECOND  # 2026-01-01T00:00:00Z
START = begin("kubelet", "node-1", Dice(7, "recorder"))


def pod(name="web-1", uid="u-1"):
    return core_v1.Pod(
        metadata=meta_v1.ObjectMeta(name=name, namespace="default", uid=uid, resource_version="12"),
    )


def play(state, *steps):
    """Record several; give the last state and every call."""
    calls = ()
    for effect, now in steps:
        state, more = record(state, effect, now)
        calls += more
    return state, calls


def test_a_part_of_the_process_is_named_without_its_host():
    _, (call,) = record(START, Record(pod(), "Normal", "Scheduled", "There", component="default-scheduler"), NOW)
    event = call.request.body
    assert event.source == core_v1.EventSource(component="default-scheduler")
    assert (event.reporting_component, event.reporting_instance) == ("default-scheduler", None)


def test_a_new_event_is_created_and_no_answer_wanted():
    effect = Record(pod(), "Normal", "Pulled", "Container image is there", "spec.containers{web}")
    state, (call,) = record(START, effect, NOW)
    name = f"web-1.{NOW + START.salt:x}"
    assert call == Call(
        Request(
            verb="create",
            resource="events",
            namespace="default",
            body=core_v1.Event(
                metadata=meta_v1.ObjectMeta(name=name, namespace="default"),
                involved_object=core_v1.ObjectReference(
                    api_version="v1",
                    kind="Pod",
                    name="web-1",
                    namespace="default",
                    uid="u-1",
                    resource_version="12",
                    field_path="spec.containers{web}",
                ),
                reason="Pulled",
                message="Container image is there",
                source=core_v1.EventSource(component="kubelet", host="node-1"),
                first_timestamp=Time.at(NOW),
                last_timestamp=Time.at(NOW),
                count=1,
                type="Normal",
                reporting_component="kubelet",
                reporting_instance="node-1",
            ),
        )
    )
    assert len(name) == len("web-1.") + 16
    assert state.count == 1


def test_the_same_event_again_counts_the_first_one_up():
    effect = Record(pod(), "Warning", "BackOff", "Back-off restarting failed container")
    _, calls = play(START, (effect, NOW), (effect, NOW + 10 * SECOND), (effect, NOW + 20 * SECOND))
    name = calls[0].request.body.metadata.name
    assert [call.request.verb for call in calls] == ["create", "patch", "patch"]
    assert calls[2] == Call(
        Request(
            verb="patch",
            resource="events",
            namespace="default",
            name=name,
            body={
                "count": 3,
                "lastTimestamp": "2026-01-01T00:00:20Z",
                "message": "Back-off restarting failed container",
            },
        ),
        ("recorder", 2),
    )


def test_a_patch_of_an_event_that_is_gone_creates_it_anew():
    effect = Record(pod(), "Warning", "BackOff", "Back-off")
    state, calls = play(START, (effect, NOW), (effect, NOW + 10 * SECOND))
    created = calls[0].request.body
    state, (call,) = answered(state, Answered(NOW, calls[1].tag, Response(404)))
    assert call.tag is None
    assert call.request.verb == "create"
    assert call.request.body == attrs.evolve(created, count=2, last_timestamp=Time.at(NOW + 10 * SECOND))
    assert answered(state, Answered(NOW, calls[1].tag, Response(404))) == (state, ())


def test_a_patch_that_was_done_needs_nothing():
    effect = Record(pod(), "Warning", "BackOff", "Back-off")
    state, calls = play(START, (effect, NOW), (effect, NOW))
    state, more = answered(state, Answered(NOW, calls[1].tag, Response(200, calls[0].request.body)))
    assert more == ()
    assert len(state.unanswered) == 0


def test_ten_different_messages_become_one_combined_event():
    steps = [(Record(pod(), "Normal", "Unhealthy", f"probe {n} failed"), NOW + n * SECOND) for n in range(12)]
    _, calls = play(START, *steps)
    assert [call.request.verb for call in calls] == ["create"] * 10 + ["patch"] * 2
    combined = calls[9].request.body
    assert combined.message == "(combined from similar events): probe 9 failed"
    assert combined.reporting_component is None
    assert calls[11].request.name == combined.metadata.name
    assert calls[11].request.body["message"] == "(combined from similar events): probe 11 failed"
    assert calls[11].request.body["count"] == 3


def test_messages_long_ago_do_not_count_as_similar():
    steps = [(Record(pod(), "Normal", "Unhealthy", f"probe {n} failed"), NOW + n * 11 * MINUTE) for n in range(12)]
    _, calls = play(START, *steps)
    assert [call.request.verb for call in calls] == ["create"] * 12


def test_an_object_gets_25_at_once_then_one_every_five_minutes():
    effect = Record(pod(), "Warning", "BackOff", "Back-off")
    state, calls = play(START, *[(effect, NOW)] * 30)
    assert len(calls) == 25
    assert record(state, effect, NOW + 5 * MINUTE - 1)[1] == ()
    state, (call,) = record(state, effect, NOW + 5 * MINUTE)
    assert call.request.body["count"] == 31
    assert record(state, effect, NOW + 5 * MINUTE)[1] == ()
    # Another object has a bucket of its own.
    assert len(record(state, Record(pod("web-2", "u-2"), "Warning", "BackOff", "Back-off"), NOW)[1]) == 1


def test_events_of_what_has_no_namespace_go_to_default():
    node = core_v1.Node(metadata=meta_v1.ObjectMeta(name="node-1", uid="node-1"))
    _, (call,) = record(START, Record(node, "Normal", "Starting", "Starting kubelet."), NOW)
    event = call.request.body
    assert (call.request.namespace, event.metadata.namespace) == ("default", "default")
    assert event.involved_object == core_v1.ObjectReference(api_version="v1", kind="Node", name="node-1", uid="node-1")


def test_names_differ_at_one_instant_and_between_recorders():
    steps = [(Record(pod(), "Normal", reason, ""), NOW) for reason in ("A", "B", "C")]
    _, mine = play(START, *steps)
    _, others = play(begin("scheduler", "", Dice(7, "other")), *steps)
    names = {call.request.body.metadata.name for call in (*mine, *others)}
    assert len(names) == 6
    assert others[0].request.body.source == core_v1.EventSource(component="scheduler")


def test_a_name_that_cannot_be_part_of_an_events_name_is_left_out():
    for name in ("x" * 240, "system:node"):
        _, (call,) = record(START, Record(pod(name), "Normal", "A", ""), NOW)
        assert len(call.request.body.metadata.name) == 36


def test_what_is_remembered_is_bounded():
    state = START
    for number in range(10_000):
        state, _ = record(state, Record(pod(f"web-{number}", f"u-{number}"), "Normal", "A", ""), NOW)
    assert len(state.young) + len(state.old) <= 4096
    assert len(state.young) + len(state.old) >= 2048
    for number in range(200):
        state, _ = record(state, Record(pod(), "Normal", "A", f"{number}"), NOW + number * 11 * MINUTE)
    assert len(state.young["u-1"].observed) == 64
    # The patches that were never answered.
    for number in range(5000):
        state, _ = record(state, Record(pod("x", "x"), "Normal", "A", ""), NOW + number * 5 * MINUTE)
    assert len(state.unanswered) == 4096


def test_controllers_of_a_process_have_their_events_each():
    scaled = Record(pod(), "Normal", "Scaled", "There", component="deployment-controller")
    other = attrs.evolve(scaled, component="replicaset-controller")
    state, calls = play(START, *[(scaled, NOW)] * 26, (other, NOW))
    assert [call.request.verb for call in calls] == ["create", *["patch"] * 24, "create"]
    assert calls[-1].request.body.count == 1
    assert state.count == 27


class Plain:
    """The correlator as its description says it, on dicts, without bounds."""

    def __init__(self):
        self.aggregates, self.counts, self.buckets = {}, {}, {}

    def record(self, effect, now):
        about = effect.about.metadata.uid
        last, messages = self.aggregates.get((about, effect.type, effect.reason), (now, []))
        if now - last > 10 * MINUTE:
            messages = []
        messages = messages if effect.message in messages else [*messages, effect.message]
        combined = len(messages) >= 10
        self.aggregates[about, effect.type, effect.reason] = now, messages[1:] if combined else messages
        message = f"(combined from similar events): {effect.message}" if combined else effect.message
        key = (about, effect.type, effect.reason, None if combined else message)
        self.counts[key] = self.counts.get(key, 0) + 1
        tokens, at = self.buckets.get(about, (25 * 300 * SECOND, now))
        tokens = min(25 * 300 * SECOND, tokens + now - at)
        allowed = tokens >= 300 * SECOND
        self.buckets[about] = (tokens - 300 * SECOND * allowed, now)
        return (self.counts[key], message) if allowed else None


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["u-1", "u-2"]),
        st.sampled_from(["Normal", "Warning"]),
        st.sampled_from(["BackOff", "Unhealthy"]),
        st.integers(0, 14),
        st.sampled_from([0, SECOND, 5 * MINUTE, 11 * MINUTE]),
    ),
    max_size=80,
)


@given(STEPS)
def test_agrees_with_the_plain_one(steps):
    state, plain, now = START, Plain(), NOW
    for uid, kind, reason, message, passed in steps:
        now += passed
        effect = Record(pod(uid, uid), kind, reason, f"message {message}")
        state, calls = record(state, effect, now)
        expected = plain.record(effect, now)
        assert len(calls) == (expected is not None)
        if calls:
            body = calls[0].request.body
            found = (body.count, body.message) if calls[0].tag is None else (body["count"], body["message"])
            assert found == expected
