"""Whatever happens in whatever order, a pod's phase moves as it may, and a node runs what its pods want."""

from hypothesis import given, settings
from hypothesis import strategies as st

LEGAL = {
    ("Pending", "Running"),
    ("Pending", "Succeeded"),
    ("Pending", "Failed"),
    ("Running", "Succeeded"),
    ("Running", "Failed"),
}
IMAGES = {
    "good": "pull 2s, stop 1s..3s",
    "slow": "pull 5s..20s, start 1s..9s, stop 8s",
    "done": "exit 0 after 1s..9s",
    "weak": "exit 1 after 5s with probability 0.5, stop 1s with code 3",
    "deaf": "ignores SIGTERM, liveness fails after 30s",
    "gone": "absent, pull 1s",
}
ACTIONS = st.one_of(
    st.tuples(
        st.just("bind"),
        st.sampled_from(sorted(IMAGES)),
        st.sampled_from(["Always", "OnFailure", "Never"]),
        st.integers(0, 2),
    ),
    st.tuples(st.just("mark"), st.integers(0, 5)),
    st.tuples(st.just("remove"), st.integers(0, 5)),
    st.tuples(st.just("restart")),
    st.tuples(st.just("wait"), st.integers(0, 25)),
    st.tuples(st.just("steps"), st.integers(1, 6)),
)


@settings(max_examples=50, deadline=None)
@given(actions=st.lists(ACTIONS, max_size=14), seed=st.integers(0, 2**16), shuffled=st.booleans())
def test_phases_move_as_they_may_and_the_node_runs_what_is_wanted(lab_class, container_of, actions, seed, shuffled):
    order = _order(seed) if shuffled else None
    lab = lab_class(IMAGES, pick=order)
    names = []
    for what, *rest in actions:
        names = [name for name in names if lab.pod(name) is not None]
        if what == "bind":
            image, policy, inits = rest
            name = f"p{lab.revision}"
            made = tuple([container_of(f"i{place}", "done") for place in range(inits)])
            names.append(name)
            lab.bind(
                name,
                restart_policy=policy,
                init_containers=made or None,
                containers=(container_of("web", image), container_of("too", "good")),
            )
        elif what == "mark" and names:
            lab.mark(names[rest[0] % len(names)], grace=5)
        elif what == "remove" and names:
            lab.remove("pods", lab.pod(names[rest[0] % len(names)]))
        elif what == "restart":
            lab.start()
        elif what == "wait":
            lab.run(rest[0])
        elif what == "steps":
            for _ in range(min(rest[0], len(lab.queue))):
                lab.deliver(lab.next())
    lab.run(150)
    for uid, phases in lab.phases.items():
        moves = {(a, b) for a, b in zip(phases, phases[1:], strict=False) if a != b}
        assert moves <= LEGAL, (uid, phases)
    assert _wanted_by_a_dumber_mind(lab) == [
        (uid, name) for uid, name in lab.alive() if (uid, name) not in _flapping(lab)
    ]
    assert {uid for uid, _ in lab.alive()} <= {pod.metadata.uid for pod in _pods(lab)}
    ended = [local for _, local in lab.kubelet.pods.items() if local.life != "ended"]
    assert lab.kubelet.used.get("pods", 0) == len(ended) * 1_000_000_000


def _order(seed):
    state = [seed]

    def pick(count):
        # Mostly in order; now and then the second before the first.
        state[0] = (state[0] * 1103515245 + 12345) % 2**31
        return 1 if count > 1 and state[0] % 5 == 0 else 0

    return pick


def _pods(lab):
    return [obj for (resource, _), obj in lab.objects.items() if resource == "pods"]


def _flapping(lab):
    """What may or may not run just now: containers that end by themselves, or are killed, and come back."""
    return {(pod.metadata.uid, "web") for pod in _pods(lab) if pod.spec.containers[0].image in {"weak", "done", "deaf"}}


def _wanted_by_a_dumber_mind(lab):
    """Every container of every pod that has not ended runs, unless its image cannot be had; `too` waits for nobody else."""
    wanted = []
    for pod in _pods(lab):
        assert pod.metadata.deletion_timestamp is None, f"{pod.metadata.name} should be gone"
        if pod.status.phase in {"Succeeded", "Failed"}:
            continue
        for container in pod.spec.containers:
            row = (pod.metadata.uid, container.name)
            if container.image != "gone" and row not in _flapping(lab):
                wanted.append(row)
    return sorted(wanted)
