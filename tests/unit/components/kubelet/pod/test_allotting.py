"""What a pod as a whole has, as its status says it."""

from reconcile.api import core_v1
from reconcile.api.quantity import Quantity
from reconcile.components.kubelet.pod.allotting import allotted
from reconcile.lib.mapping import Map


def asks(requests=None, limits=None):
    def read(rows):
        return rows and Map({name: Quantity.parse(text) for name, text in rows.items()})

    return core_v1.ResourceRequirements(requests=read(requests), limits=read(limits))


def container(name, requests=None, limits=None, **more):
    return core_v1.Container(name=name, image="web:1", resources=asks(requests, limits), **more)


def texts(rows):
    return None if rows is None else {name: str(amount) for name, amount in rows.items()}


def test_what_containers_ask_for_is_summed_up():
    two = container("a", {"cpu": "100m", "memory": "64Mi"}), container("b", {"cpu": "1"}, {"cpu": "2"})
    init = (container("i", {"cpu": "3"}), container("s", {"cpu": "500m"}, restart_policy="Always"))
    found = allotted(core_v1.PodSpec(containers=two, init_containers=init))
    assert texts(found.requests) == {"cpu": "3", "memory": "64Mi"}
    assert (texts(found.planned.requests), texts(found.planned.limits)) == (texts(found.requests), {"cpu": "2"})
    # The pod's own cgroup is limited only where each container is.
    assert (texts(found.given.requests), texts(found.given.limits)) == (texts(found.requests), None)


def test_a_pod_has_its_overhead_beside_and_may_say_what_it_asks_for_as_a_whole():
    rows = (container("a", {"cpu": "1", "ephemeral-storage": "1Gi"}, {"cpu": "1"}),)
    overhead = Map({"cpu": Quantity.parse("250m")})
    found = allotted(core_v1.PodSpec(containers=rows, overhead=overhead, resources=asks({"cpu": "2"}, {"cpu": "4"})))
    assert texts(found.requests) == {"cpu": "2250m", "ephemeral-storage": "1Gi"}
    assert (texts(found.given.requests), texts(found.given.limits)) == ({"cpu": "2250m"}, {"cpu": "4250m"})


def test_a_status_says_what_was_allotted_also_when_the_container_has_ended(lab):
    lab = lab({"web:1": "exit 0 after 5s"})
    lab.bind(containers=(container("web", {"cpu": "1"}, {"cpu": "2"}),), restart_policy="Never")
    lab.run(3)
    status = lab.pod().status
    assert (texts(status.allocated_resources), texts(status.resources.limits)) == ({"cpu": "1"}, {"cpu": "2"})
    lab.run(30)
    status = lab.pod().status
    assert status.phase == "Succeeded"
    assert texts(status.container_statuses[0].allocated_resources) == {"cpu": "1"}
    assert texts(status.container_statuses[0].resources.limits) == {"cpu": "2"}


def test_what_others_say_of_resource_claims_stays(lab):
    lab = lab()
    pod = lab.bind()
    said = core_v1.PodExtendedResourceClaimStatus(resource_claim_name="c", request_mappings=())
    lab.put(
        "pods",
        pod.__class__(
            metadata=pod.metadata,
            spec=pod.spec,
            status=core_v1.PodStatus(phase="Pending", extended_resource_claim_status=said),
        ),
    )
    lab.run(30)
    assert (lab.pod().status.phase, lab.pod().status.extended_resource_claim_status) == ("Running", said)
