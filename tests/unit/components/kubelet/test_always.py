"""Whatever happens in whatever order, a pod's phase moves as it may, and a node runs what its pods want."""

import itertools

from hypothesis import given, settings
from hypothesis import strategies as st

from reconcile.api import core_v1
from reconcile.lib.replacing import replace

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
PROBE = core_v1.Probe(period_seconds=1, failure_threshold=60)
ACTIONS = st.one_of(
    st.tuples(
        st.just("bind"),
        st.sampled_from(sorted(IMAGES)),
        st.sampled_from(["Always", "OnFailure", "Never"]),
        st.integers(0, 2),
        st.sampled_from([None, "good", "slow", "weak"]),
        st.booleans(),
    ),
    st.tuples(st.just("mark"), st.integers(0, 5)),
    st.tuples(st.just("remove"), st.integers(0, 5)),
    st.tuples(st.just("lose"), st.integers(0, 5)),
    st.tuples(st.just("restart")),
    st.tuples(st.just("reboot")),
    st.tuples(st.just("refuse"), st.integers(1, 3)),
    st.tuples(st.just("wait"), st.integers(0, 25)),
    st.tuples(st.just("steps"), st.integers(1, 6)),
)


@settings(max_examples=150, deadline=None)
@given(actions=st.lists(ACTIONS, max_size=14), seed=st.integers(0, 2**16), shuffled=st.booleans())
def test_phases_move_as_they_may_and_the_node_runs_what_is_wanted(lab_class, container_of, actions, seed, shuffled):
    order = _order(seed) if shuffled else None
    lab = lab_class(IMAGES, pick=order)
    names, lost = [], False
    for what, *rest in actions:
        names = [name for name in names if lab.pod(name) is not None]
        if what == "bind":
            image, policy, inits, beside, company = rest
            name = f"p{lab.revision}"
            made = tuple([container_of(f"i{place}", "done") for place in range(inits)])
            if beside:
                sidecar = replace(container_of("side", beside), restart_policy="Always", startup_probe=PROBE)
                made = (*made[:1], sidecar, *made[1:])
            names.append(name)
            lab.bind(
                name,
                restart_policy=policy,
                init_containers=made or None,
                containers=(container_of("web", image), container_of("too", "good"))[: 1 + company],
            )
        elif what == "mark" and names:
            lab.mark(names[rest[0] % len(names)], grace=5)
        elif what == "remove" and names:
            lab.remove("pods", lab.pod(names[rest[0] % len(names)]))
        elif what == "lose" and names:
            lost |= lab.lose_sandbox(names[rest[0] % len(names)])
        elif what == "restart":
            lab.start()
        elif what == "reboot":
            lab.reboot()
        elif what == "refuse":
            lab.refusals += rest[0]
        elif what == "wait":
            lab.run(rest[0])
        elif what == "steps":
            for _ in range(min(rest[0], len(lab.queue))):
                lab.deliver(lab.next())
    lab.run(150)
    anew = lost or ("reboot",) in actions
    for uid, phases in lab.phases.items():
        moves = {(a, b) for a, b in itertools.pairwise(phases) if a != b}
        # What is to be initialised again, in another sandbox, is pending once more.
        assert moves <= LEGAL | ({("Running", "Pending")} if anew else set()), (uid, phases)
    unsure = _flapping(lab, off=anew)
    assert _wanted_by_a_dumber_mind(lab, unsure) == [row for row in lab.alive() if row not in unsure]
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


def _flapping(lab, *, off):
    """What may or may not run just now: containers that end by themselves, or are killed, and come back."""
    rows = {(pod.metadata.uid, "web") for pod in _pods(lab) if pod.spec.containers[0].image in {"weak", "done", "deaf"}}
    # Nothing but itself starts before a sidecar that fails again and again.
    weak = [pod for pod in _pods(lab) if any(row.image == "weak" for row in pod.spec.init_containers or ())]
    rows |= {(uid, "side") for uid, name in rows if name == "web"}  # it ends when the others have
    rows |= {(pod.metadata.uid, row.name) for pod in weak for row in (*pod.spec.init_containers, *pod.spec.containers)}
    # What ran in a sandbox that was lost, as on a host that was *off*, may be such that it is not started again.
    never = [pod for pod in _pods(lab) if off and pod.spec.restart_policy == "Never"]
    return rows | {(pod.metadata.uid, container.name) for pod in never for container in pod.spec.containers}


def _wanted_by_a_dumber_mind(lab, unsure):
    """Every container of every pod that has not ended runs, unless its image cannot be had."""
    wanted = []
    for pod in _pods(lab):
        assert pod.metadata.deletion_timestamp is None, f"{pod.metadata.name} should be gone"
        if pod.status.phase not in {"Succeeded", "Failed"}:
            sidecars = [row for row in pod.spec.init_containers or () if row.restart_policy == "Always"]
            rows = [(pod.metadata.uid, row.name) for row in (*pod.spec.containers, *sidecars) if row.image != "gone"]
            wanted += [row for row in rows if row not in unsure]
    return sorted(wanted)
