"""A quota holds however requests meet: whoever comes first takes what is left, and nobody takes more."""

from hypothesis import given, settings
from hypothesis import strategies as st

from reconcile import Cluster, Topology, run, settle
from reconcile.driver import client
from reconcile.driver.policies import Shuffled
from reconcile.events import Submit
from reconcile.lib.instant import SECOND
from reconcile.properties import violations


def quota(hard):
    return {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "q"}, "spec": {"hard": hard}}


@settings(max_examples=5, deadline=None)
@given(
    most=st.integers(0, 4),
    asked=st.lists(st.booleans(), min_size=1, max_size=8),
    replicas=st.integers(0, 5),
    seed=st.integers(0, 99),
)
def test_no_more_pods_than_the_quota_says(most, asked, replicas, seed):
    cluster = settle(client.apply(BOOTED, quota({"pods": str(most)}))[0]).cluster
    events = []
    for number, is_pod in enumerate(asked):
        spec = {"containers": [{"name": "c", "image": "c:1"}]}
        body = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": f"p{number}"}, "spec": spec}
        request = client.create(body) if is_pod else client.delete("pods", f"p{number - 1}")
        events.append(Submit(request=request))
    template = {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [{"name": "c", "image": "c:1"}]}}
    owner = {
        "apiVersion": "apps/v1",
        "kind": "ReplicaSet",
        "metadata": {"name": "web"},
        "spec": {"replicas": replicas, "selector": {"matchLabels": {"app": "web"}}, "template": template},
    }
    events.append(Submit(request=client.create(owner)))
    done = run(cluster, tuple(events), until=cluster.now + 5 * SECOND, policy=Shuffled.of(seed)).cluster
    assert violations(done) == ()
    if all(asked):  # a count after a deletion, from a cache that lags, can be too little: so can upstream's
        assert len(done.objects("pods", namespace="default")) <= most


BOOTED = settle(Cluster.boot(Topology(nodes=1), seed=3)).cluster
