from reconcile.components.scheduler.explaining import DEFAULT, cluster_seen, explained, profile_of

HEAD = {"apiVersion": "kubescheduler.config.k8s.io/v1", "kind": "KubeSchedulerConfiguration"}


def read(**profile):
    return profile_of({**HEAD, "profiles": [profile]})


def test_the_default():
    assert profile_of(HEAD) == DEFAULT
    assert read() == DEFAULT


def test_plugins_are_turned_off_and_weighed():
    profile = read(
        plugins={
            "score": {"disabled": [{"name": "ImageLocality"}], "enabled": [{"name": "NodeResourcesFit", "weight": 5}]},
            "filter": {"disabled": [{"name": "TaintToleration"}]},
            "postFilter": {"disabled": [{"name": "*"}]},
        }
    )
    assert (profile.images, profile.fit, profile.taints, profile.preempts) == (0, 5, 3, False)
    assert "TaintToleration" not in profile.filters


def test_all_but_one():
    kept = [{"name": name} for name in ("PrioritySort", "NodeResourcesFit", "DefaultBinder")]
    profile = read(plugins={"multiPoint": {"disabled": [{"name": "*"}], "enabled": kept}})
    assert profile.filters == ("NodeResourcesFit",)
    assert (profile.fit, profile.taints, profile.spread) == (1, 0, 0)


def test_arguments():
    profile = read(
        pluginConfig=[
            {"name": "NodeResourcesFit", "args": {"scoringStrategy": {"type": "MostAllocated"}}},
            {"name": "InterPodAffinity", "args": {"hardPodAffinityWeight": 0}},
        ]
    )
    assert (profile.strategy, profile.hard_affinity) == ("MostAllocated", 0)


def test_nodes_are_filled_instead_of_spread_over(kit):
    there = kit.pod("there", kit.container(cpu="1"), node="n1")
    objects = {"nodes": [kit.node("n1"), kit.node("n2")], "pods": [there]}
    pod = kit.pod("web", kit.container(cpu="1", memory="1Gi"))
    full = read(pluginConfig=[{"name": "NodeResourcesFit", "args": {"scoringStrategy": {"type": "MostAllocated"}}}])
    assert explained(cluster_seen(objects), pod).best == ("n2",)
    assert explained(cluster_seen(objects, profile=full), pod).best == ("n1",)


def test_a_filter_that_is_turned_off_refuses_nothing(kit):
    objects = {"nodes": [kit.node("n1", unschedulable=True)]}
    off = read(plugins={"filter": {"disabled": [{"name": "NodeUnschedulable"}]}})
    assert explained(cluster_seen(objects), kit.pod("web")).feasible == ()
    assert explained(cluster_seen(objects, profile=off), kit.pod("web")).feasible == ("n1",)


def test_without_preemption_nothing_is_said_of_it(kit):
    objects = {"nodes": [kit.node("n1", cpu="1")], "pods": [kit.pod("low", kit.container(cpu="1"), node="n1")]}
    off = read(plugins={"postFilter": {"disabled": [{"name": "DefaultPreemption"}]}})
    found = explained(cluster_seen(objects, profile=off), kit.pod("web", kit.container(cpu="1"), priority=1))
    assert (found.result, found.victims) == ("unschedulable", ())
    assert found.message == "0/1 nodes are available: 1 Insufficient cpu. no new claims to deallocate"
