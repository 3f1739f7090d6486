import attrs
import pytest

from reconcile.api.scalars import freeze
from reconcile.components.scheduler.configuration import DEFAULTS, configuration_of, profile_of
from reconcile.components.scheduler.framework.panel import call_of
from reconcile.components.scheduler.framework.profile import DEFAULT
from reconcile.lib.errors import ReconcileError
from reconcile.lib.instant import SECOND

HEAD = {"apiVersion": "kubescheduler.config.k8s.io/v1", "kind": "KubeSchedulerConfiguration"}


def read(**fields):
    return configuration_of({**HEAD, **fields})


def profile(**fields):
    return read(profiles=[fields]).profiles[0]


def told(name, **arguments):
    return profile(pluginConfig=[{"name": name, "args": arguments}])


def test_what_says_nothing_is_the_default():
    assert read() == DEFAULTS
    assert read(profiles=[{}]) == DEFAULTS
    assert configuration_of(freeze(HEAD)) == DEFAULTS
    assert profile(plugins={}, pluginConfig=[]) == DEFAULT


def test_what_is_checked_and_changes_nothing():
    assert (
        read(
            parallelism=4,
            clientConnection={"kubeconfig": "/etc/kubernetes/scheduler.conf", "qps": 12.5, "burst": 3},
            enableProfiling=False,
            delayCacheUntilActive=True,
        )
        == DEFAULTS
    )


def test_several_profiles():
    found = read(
        percentageOfNodesToScore=30,
        profiles=[{"schedulerName": "default-scheduler"}, {"schedulerName": "packing", "percentageOfNodesToScore": 5}],
        podInitialBackoffSeconds=2,
        podMaxBackoffSeconds=8,
    )
    assert [(each.name, each.share) for each in found.profiles] == [("default-scheduler", 30), ("packing", 5)]
    assert (found.initial_backoff, found.longest_backoff) == (2 * SECOND, 8 * SECOND)


def test_leader_election():
    found = read(leaderElection={"leaderElect": False, "leaseDuration": "1m", "resourceName": "mine"}).election
    assert (found.elects, found.lease_duration, found.name, found.namespace) == (
        False,
        60 * SECOND,
        "mine",
        "kube-system",
    )


def test_weights_are_those_of_the_score_point_first():
    plugins = {
        "multiPoint": {"enabled": [{"name": "NodeResourcesFit", "weight": 9}, {"name": "TaintToleration"}]},
        "score": {"enabled": [{"name": "NodeResourcesFit", "weight": 5}], "disabled": [{"name": "ImageLocality"}]},
    }
    found = profile(plugins=plugins)
    # A weight that is not said is one, also of a plugin that has another by default.
    assert (found.fit, found.taints, found.images, found.spread) == (5, 1, 0, 2)


def test_a_star_turns_off_all_of_a_point():
    found = profile(
        plugins={
            "preEnqueue": {"disabled": [{"name": "*"}]},
            "filter": {"disabled": [{"name": "*"}], "enabled": [{"name": "NodeName"}]},
            "score": {"disabled": [{"name": "*"}]},
        }
    )
    assert (found.gates, found.filters, found.scores) == (False, ("NodeName",), False)


def test_arguments_of_each_plugin():
    assert told("InterPodAffinity", hardPodAffinityWeight=7, ignorePreferredTermsOfExistingPods=True) == attrs.evolve(
        DEFAULT, hard_affinity=7, ignores_preferred=True
    )
    assert told("DefaultPreemption", minCandidateNodesAbsolute=3) == attrs.evolve(DEFAULT, least_candidates=3)
    assert told("VolumeBinding", bindTimeoutSeconds=30) == attrs.evolve(DEFAULT, bind_timeout=30 * SECOND)
    assert told("NodeResourcesBalancedAllocation", resources=[{"name": "cpu"}]) == attrs.evolve(
        DEFAULT, balance_resources=("cpu",)
    )
    assert told("DynamicResources", filterTimeout="5s") == DEFAULT
    assert told("NodeResourcesFit", ignoredResources=["example.com/a"], ignoredResourceGroups=["b.org"]) == (
        attrs.evolve(DEFAULT, ignored=("example.com/a",), ignored_groups=("b.org",))
    )
    ratio = {"shape": [{"utilization": 0, "score": 0}, {"utilization": 100, "score": 10}]}
    found = told(
        "NodeResourcesFit",
        scoringStrategy={
            "type": "RequestedToCapacityRatio",
            "resources": [{"name": "cpu", "weight": 3}, {"name": "example.com/a"}],
            "requestedToCapacityRatio": ratio,
        },
    )
    assert (found.strategy, found.fit_resources, found.shape) == (
        "RequestedToCapacityRatio",
        (("cpu", 3), ("example.com/a", 1)),
        ((0, 0), (100, 10)),
    )


def test_added_affinity():
    term = {"matchExpressions": [{"key": "pool", "operator": "In", "values": ["a"]}]}
    found = told(
        "NodeAffinity",
        addedAffinity={
            "requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [term]},
            "preferredDuringSchedulingIgnoredDuringExecution": [
                {"weight": 4, "preference": term},
                {"weight": 5, "preference": {}},
            ],
        },
    )
    as_read = ((("pool", "In", ("a",)),), ())
    assert (found.enforced, found.preferred) == (((as_read,),), ((4, as_read),))


def test_default_constraints():
    constraint = {"maxSkew": 2, "topologyKey": "zone", "whenUnsatisfiable": "DoNotSchedule", "minDomains": 3}
    (found,) = told("PodTopologySpread", defaultingType="List", defaultConstraints=[constraint]).spread_defaults
    assert (found.key, found.max_skew, found.hard, found.min_domains) == ("zone", 2, True, 3)
    assert told("PodTopologySpread", defaultingType="List").spread_defaults == ()
    assert told("PodTopologySpread").spread_defaults is None


def test_an_extender():
    (found,) = read(
        extenders=[
            {
                "urlPrefix": "http://127.0.0.1:9000/scheduler/",
                "filterVerb": "filter",
                "prioritizeVerb": "prioritize",
                "weight": 5,
                "httpTimeout": "2s",
                "nodeCacheCapable": True,
                "managedResources": [{"name": "example.com/a", "ignoredByScheduler": True}],
                "ignorable": True,
            }
        ]
    ).extenders
    assert (found.url, found.filters, found.prioritizes, found.weight) == (
        "http://127.0.0.1:9000/scheduler",
        "filter",
        "prioritize",
        5,
    )
    assert (found.timeout, found.knows_nodes, found.managed, found.ignorable) == (
        2 * SECOND,
        True,
        ("example.com/a",),
        True,
    )


def known(**tls):
    one = {"urlPrefix": "https://x", "filterVerb": "f", "enableHTTPS": True}
    (found,) = read(extenders=[{**one, "tlsConfig": tls}]).extenders
    return call_of(found, "c", "f", {})


def test_by_what_an_extender_is_known():
    call = known(caData="QUJD", serverName="y", certData="QQ==", keyData="Qg==")
    assert (call.ca_bundle, call.server_name, call.certificate, call.key) == ("QUJD", "y", "QQ==", "Qg==")
    assert not call.insecure
    assert known(insecure=True).insecure
    assert known(serverName="y").insecure  # over HTTPS with nothing to know it by
    assert not known(caFile="ca.crt").insecure
    assert not known(certData="QQ==").certificate  # without its key it is no use
    (plain,) = read(extenders=[{"urlPrefix": "https://x", "filterVerb": "f"}]).extenders
    assert not plain.insecure


SHAPE = {"type": "RequestedToCapacityRatio"}


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"kind": "Pod", "apiVersion": "v1"}, "'Pod' of 'v1' is no KubeSchedulerConfiguration"),
        ({"profile": []}, 'strict decoding error: unknown field "profile"'),
        (
            {"extenders": [{"tlsConfig": {"caData": "QUJD", "insecure": True}}]},
            "extenders[0].tlsConfig.insecure: specifying a root certificates file with the insecure flag is not",
        ),
        (
            {"extenders": [{"tlsConfig": {"caData": "?"}}]},
            'extenders[0].tlsConfig.caData: Invalid value: "?": is no text in base64',
        ),
        (
            {"extenders": [{"tlsConfig": {"keyData": "secret?"}}]},
            'extenders[0].tlsConfig.keyData: Invalid value: "...": is no text in base64',
        ),
        ({"parallelism": 0}, "parallelism: Invalid value: 0: should be an integer value greater than zero"),
        ({"parallelism": "many"}, "parallelism: expected an integer, found 'many'"),
        ({"percentageOfNodesToScore": 101}, "percentageOfNodesToScore: Invalid value: 101: not in valid range [0-100]"),
        (
            {"podInitialBackoffSeconds": 20},
            "podMaxBackoffSeconds: Invalid value: 10: must be greater than or equal to PodInitialBackoffSeconds",
        ),
        (
            {"leaderElection": {"resourceLock": "endpoints"}},
            'leaderElection.resourceLock: Invalid value: "endpoints": resourceLock value must be "leases"',
        ),
        (
            {"leaderElection": {"leaseDuration": "5s"}},
            'leaderElection.leaseDuration: Invalid value: "10s": must be greater than `RenewDeadline`',
        ),
        ({"clientConnection": {"burst": -1}}, "clientConnection.burst: Invalid value: -1: must be non-negative"),
        ({"profiles": [{"schedulerName": "a"}, {}]}, "profiles[1].schedulerName: Required value"),
        (
            {"profiles": [{"schedulerName": "a"}, {"schedulerName": "a"}]},
            'profiles[1].schedulerName: Duplicate value: "profiles[0].schedulerName"',
        ),
        (
            {
                "profiles": [
                    {"schedulerName": "a"},
                    {"schedulerName": "b", "plugins": {"queueSort": {"enabled": [{"name": "PrioritySort"}]}}},
                ]
            },
            'queueSort: Invalid value: {"enabled": [{"name": "PrioritySort"}]}: must be the same for all profiles',
        ),
        (
            {"extenders": [{"prioritizeVerb": "p"}]},
            "extenders[0].weight: Invalid value: 0: must have a positive weight applied to it",
        ),
        (
            {"extenders": [{"bindVerb": "b"}, {"bindVerb": "b"}]},
            'extenders: Invalid value: "found 2 extenders implementing bind": only one extender can implement bind',
        ),
        (
            {"extenders": [{"managedResources": [{"name": "cpu"}]}]},
            'extenders[0].managedResources[0].name: Invalid value: "cpu": is an invalid extended resource name',
        ),
    ],
)
def test_what_cannot_be(fields, why):
    with pytest.raises(ReconcileError) as caught:
        configuration_of({**HEAD, **fields})
    assert why in str(caught.value)


@pytest.mark.parametrize(
    ("plugins", "why"),
    [
        ({"score": {"enabled": [{"name": "Mine"}]}}, '.score.enabled[0]: ScorePlugin "Mine" does not exist'),
        ({"multiPoint": {"enabled": [{"name": "Mine"}]}}, '.multiPoint.enabled[0]: plugin "Mine" does not exist'),
        (
            {"score": {"enabled": [{"name": "NodeName"}]}},
            '.score.enabled[0]: plugin "NodeName" does not extend ScorePlugin plugin',
        ),
        (
            {"score": {"enabled": [{"name": "ImageLocality"}, {"name": "ImageLocality", "weight": 2}]}},
            '.score.enabled[1]: plugin "ImageLocality" already registered as "ScorePlugin"',
        ),
        ({"bind": {"disabled": [{"name": "*"}]}}, ".bind: at least one bind plugin is needed"),
        (
            {"queueSort": {"disabled": [{"name": "PrioritySort"}]}},
            ".queueSort: only one queue sort plugin required, but got 0",
        ),
        (
            {"preFilter": {"disabled": [{"name": "InterPodAffinity"}]}},
            ".filter: InterPodAffinity cannot be asked here without being asked at preFilter",
        ),
        ({"scores": {}}, 'strict decoding error: unknown field "profiles[0].plugins.scores"'),
    ],
)
def test_plugins_that_cannot_be(plugins, why):
    with pytest.raises(ReconcileError) as caught:
        configuration_of({**HEAD, "profiles": [{"plugins": plugins}]}, own={})
    assert why in str(caught.value)


@pytest.mark.parametrize(
    ("name", "arguments", "why"),
    [
        (
            "InterPodAffinity",
            {"hardPodAffinityWeight": 101},
            ".hardPodAffinityWeight: Invalid value: 101: not in valid",
        ),
        ("InterPodAffinity", {"kind": "Other"}, '.kind: Invalid value: "Other": has to match plugin args'),
        ("DefaultPreemption", {"minCandidateNodesPercentage": 101}, "Percentage: Invalid value: 101: not in valid"),
        (
            "DefaultPreemption",
            {"minCandidateNodesPercentage": 0, "minCandidateNodesAbsolute": 0},
            ".minCandidateNodesAbsolute: Invalid value: 0: cannot be zero at the same time as",
        ),
        (
            "NodeResourcesFit",
            {"scoringStrategy": {"type": "Most"}},
            '.type: Unsupported value: "Most": supported values',
        ),
        (
            "NodeResourcesFit",
            {"scoringStrategy": SHAPE},
            ".requestedToCapacityRatio: Required value: must be specified",
        ),
        (
            "NodeResourcesFit",
            {"scoringStrategy": {**SHAPE, "requestedToCapacityRatio": {}}},
            ".requestedToCapacityRatio.shape: Required value: at least one point must be specified",
        ),
        (
            "NodeResourcesFit",
            {
                "scoringStrategy": {
                    **SHAPE,
                    "requestedToCapacityRatio": {
                        "shape": [{"utilization": 9, "score": 1}, {"utilization": 9, "score": 11}]
                    },
                }
            },
            "shape[1].utilization: Invalid value: 9: values must be sorted in increasing order",
        ),
        (
            "NodeResourcesFit",
            {"scoringStrategy": {"type": "LeastAllocated", "resources": [{"name": "cpu", "weight": 101}]}},
            ".resources[0].weight: Invalid value: 101: resource weight of cpu not in valid range (0, 100]",
        ),
        ("NodeResourcesFit", {"ignoredResourceGroups": ["a/b"]}, "resource group name can't contain '/'"),
        (
            "NodeResourcesBalancedAllocation",
            {"resources": [{"name": "cpu", "weight": 2}]},
            ".resources[0].weight: Invalid value: 2: must be 1",
        ),
        (
            "PodTopologySpread",
            {"defaultConstraints": [{"maxSkew": 1, "topologyKey": "a", "whenUnsatisfiable": "DoNotSchedule"}]},
            '.defaultingType: Invalid value: "System": when .defaultConstraints are not empty',
        ),
        (
            "PodTopologySpread",
            {"defaultingType": "List", "defaultConstraints": [{"labelSelector": {}, "topologyKey": "a"}]},
            ".defaultConstraints[0].maxSkew: Invalid value: 0: not in valid range (0, inf)",
        ),
        ("VolumeBinding", {"bindTimeoutSeconds": -1}, ".bindTimeoutSeconds: Invalid value: -1: invalid BindTimeout"),
        ("VolumeBinding", {"shape": []}, ".shape: Invalid value: []: unexpected field `shape`"),
        (
            "NodeAffinity",
            {
                "addedAffinity": {
                    "requiredDuringSchedulingIgnoredDuringExecution": {
                        "nodeSelectorTerms": [{"matchExpressions": [{"key": "a", "operator": "In"}]}]
                    }
                }
            },
            ".nodeSelectorTerms[0].matchExpressions[0].values: Invalid value: []: for 'in', 'notin' operators",
        ),
    ],
)
def test_arguments_that_cannot_be(name, arguments, why):
    with pytest.raises(ReconcileError) as caught:
        told(name, **arguments)
    assert "profiles[0].pluginConfig[0].args" in str(caught.value)
    assert why in str(caught.value)


def test_all_that_is_wrong_is_told_at_once():
    with pytest.raises(ReconcileError, match=r"^\[parallelism: Invalid .*, podInitialBackoffSeconds: Invalid .*\]$"):
        read(parallelism=-1, podInitialBackoffSeconds=0)


def test_a_profile_by_name():
    assert profile_of(HEAD) == DEFAULT
    with pytest.raises(ReconcileError, match="profiles: none has the schedulerName 'mine'"):
        profile_of(HEAD, "mine")


def test_plugins_that_are_not_known_yet_may_be_named_anywhere():
    mine = [{"name": "Mine", "weight": 5}]
    for plugins in (
        {"multiPoint": {"enabled": mine}},
        {"score": {"enabled": mine}, "permit": {"enabled": mine}},
        {"multiPoint": {"enabled": mine}, "queueSort": {"disabled": [{"name": "*"}]}},
        {"queueSort": {"enabled": mine, "disabled": [{"name": "PrioritySort"}]}},
    ):
        assert profile(plugins=plugins).own == ()
    with pytest.raises(ReconcileError, match="only one queue sort plugin required, but got 2"):
        profile(plugins={"queueSort": {"enabled": mine}})


def test_a_fault_that_profiles_inherit_is_told_once():
    with pytest.raises(ReconcileError) as caught:
        read(percentageOfNodesToScore=101, profiles=[{"schedulerName": "a"}, {"schedulerName": "b"}])
    assert str(caught.value).count("not in valid range") == 1
