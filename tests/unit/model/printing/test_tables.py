import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconcile.api import convert
from reconcile.api.kinds import resource_of
from reconcile.lib.instant import SECOND
from reconcile.model.printing import aligned, node_status, rows, table, type_name

NOW = 1_767_225_600 * SECOND
TEMPLATE = {
    "metadata": {"labels": {"a": "b"}},
    "spec": {"containers": [{"name": "x", "image": "x:1"}, {"name": "y", "image": "y:2"}]},
}
SELECTOR = {"matchLabels": {"a": "b"}}


def thing(api_version, kind, name="web", namespace="default", **more):
    metadata = {"name": name, "creationTimestamp": "2025-12-31T23:59:00Z"} | more.pop("metadata", {})
    if namespace:
        metadata["namespace"] = namespace
    return convert.load({"apiVersion": api_version, "kind": kind, "metadata": metadata, **more}).object


def shown(obj, *, wide=False):
    heading, row = rows(resource_of(obj).key, [obj], NOW, wide=wide)
    return dict(zip(heading, row, strict=True))


@pytest.mark.parametrize(
    ("obj", "cells"),
    [
        (
            thing(
                "apps/v1",
                "Deployment",
                spec={"replicas": 3, "selector": SELECTOR, "template": TEMPLATE},
                status={"readyReplicas": 1, "updatedReplicas": 2, "availableReplicas": 1},
            ),
            "NAME=web READY=1/3 UP-TO-DATE=2 AVAILABLE=1 AGE=60s CONTAINERS=x,y IMAGES=x:1,y:2 SELECTOR=a=b",
        ),
        (
            thing(
                "apps/v1",
                "ReplicaSet",
                spec={"replicas": 3, "selector": SELECTOR, "template": TEMPLATE},
                status={"replicas": 2, "readyReplicas": 1},
            ),
            "NAME=web DESIRED=3 CURRENT=2 READY=1 AGE=60s CONTAINERS=x,y IMAGES=x:1,y:2 SELECTOR=a=b",
        ),
        (
            thing(
                "scheduling.k8s.io/v1alpha2",
                "PodGroup",
                spec={
                    "schedulingPolicy": {"gang": {"minCount": 3}},
                    "podGroupTemplateRef": {"workload": {"workloadName": "w", "podGroupTemplateName": "a"}},
                },
                status={
                    "conditions": [
                        {
                            "type": "PodGroupScheduled",
                            "status": "False",
                            "reason": "Unschedulable",
                            "message": "",
                            "lastTransitionTime": "2025-12-31T23:59:00Z",
                        }
                    ]
                },
            ),
            "NAME=web POLICY=Gang WORKLOAD=w STATUS=Unschedulable AGE=60s",
        ),
        (
            thing("scheduling.k8s.io/v1alpha2", "PodGroup", spec={"schedulingPolicy": {"basic": {}}}),
            "NAME=web POLICY=Basic WORKLOAD=<none> STATUS=Pending AGE=60s",
        ),
        (
            thing(
                "networking.k8s.io/v1",
                "IPAddress",
                "10.96.0.7",
                "",
                spec={"parentRef": {"resource": "services", "namespace": "default", "name": "web"}},
            ),
            "NAME=10.96.0.7 PARENTREF=services/default/web",
        ),
        (
            thing("networking.k8s.io/v1", "ServiceCIDR", "kubernetes", "", spec={"cidrs": ["10.96.0.0/12", "f::/108"]}),
            "NAME=kubernetes CIDRS=10.96.0.0/12,f::/108 AGE=60s",
        ),
        (
            thing("storage.k8s.io/v1", "CSIDriver", "disk", "", spec={"tokenRequests": [{"audience": "a"}]}),
            (
                "NAME=disk ATTACHREQUIRED=true PODINFOONMOUNT=false STORAGECAPACITY=false TOKENREQUESTS=a "
                "REQUIRESREPUBLISH=false MODES=<none> AGE=60s"
            ),
        ),
        (
            thing("storage.k8s.io/v1", "CSINode", "n", "", spec={"drivers": [{"name": "disk", "nodeID": "i"}]}),
            "NAME=n DRIVERS=1 AGE=60s",
        ),
        (
            thing(
                "storage.k8s.io/v1",
                "VolumeAttachment",
                "va",
                "",
                spec={"attacher": "disk", "nodeName": "n", "source": {"persistentVolumeName": "pv"}},
                status={"attached": True},
            ),
            "NAME=va ATTACHER=disk PV=pv NODE=n ATTACHED=true AGE=60s",
        ),
        (
            thing("admissionregistration.k8s.io/v1", "MutatingWebhookConfiguration", "w", "", webhooks=[]),
            "NAME=w WEBHOOKS=0 AGE=60s",
        ),
        (
            thing(
                "admissionregistration.k8s.io/v1",
                "ValidatingAdmissionPolicy",
                "p",
                "",
                spec={"paramKind": {"apiVersion": "a/v1", "kind": "K"}, "validations": [{"expression": "true"}]},
            ),
            "NAME=p VALIDATIONS=1 PARAMKIND=a/v1/K AGE=60s",
        ),
        (
            thing("v1", "ReplicationController", spec={"replicas": 3, "selector": {"a": "b"}, "template": TEMPLATE}),
            "NAME=web DESIRED=3 CURRENT=0 READY=0 AGE=60s CONTAINERS=x,y IMAGES=x:1,y:2 SELECTOR=a=b",
        ),
        (
            thing(
                "apps/v1",
                "StatefulSet",
                spec={"replicas": 2, "selector": SELECTOR, "template": TEMPLATE, "serviceName": "s"},
                status={"replicas": 2, "readyReplicas": 1},
            ),
            "NAME=web READY=1/2 AGE=60s CONTAINERS=x,y IMAGES=x:1,y:2",
        ),
        (
            thing(
                "apps/v1",
                "DaemonSet",
                spec={"selector": SELECTOR, "template": TEMPLATE},
                status={
                    "desiredNumberScheduled": 4,
                    "currentNumberScheduled": 3,
                    "numberReady": 2,
                    "updatedNumberScheduled": 3,
                    "numberAvailable": 1,
                    "numberMisscheduled": 0,
                },
            ),
            "NAME=web DESIRED=4 CURRENT=3 READY=2 UP-TO-DATE=3 AVAILABLE=1 NODE_SELECTOR=<none> AGE=60s",
        ),
        (
            thing(
                "batch/v1",
                "Job",
                spec={"completions": 3, "template": TEMPLATE},
                status={"succeeded": 1, "startTime": "2025-12-31T23:59:30Z"},
            ),
            "NAME=web STATUS=Running COMPLETIONS=1/3 DURATION=30s AGE=60s",
        ),
        (
            thing(
                "batch/v1",
                "Job",
                spec={"parallelism": 2, "template": TEMPLATE},
                status={
                    "succeeded": 2,
                    "startTime": "2025-12-31T23:59:30Z",
                    "completionTime": "2025-12-31T23:59:40Z",
                    "conditions": [{"type": "Complete", "status": "True"}],
                },
            ),
            "NAME=web STATUS=Complete COMPLETIONS=2/1_of_2 DURATION=10s AGE=60s",
        ),
        (
            thing(
                "batch/v1",
                "CronJob",
                spec={"schedule": "@daily", "suspend": False, "jobTemplate": {"spec": {"template": TEMPLATE}}},
            ),
            "NAME=web SCHEDULE=@daily TIMEZONE=<none> SUSPEND=False ACTIVE=0 LAST_SCHEDULE=<none> AGE=60s",
        ),
        (
            thing(
                "v1",
                "Service",
                spec={
                    "type": "NodePort",
                    "clusterIP": "10.96.0.9",
                    "clusterIPs": ["10.96.0.9"],
                    "ports": [{"port": 80, "nodePort": 30080}, {"port": 53, "protocol": "UDP"}],
                    "selector": {"a": "b"},
                },
            ),
            (
                "NAME=web TYPE=NodePort CLUSTER-IP=10.96.0.9 EXTERNAL-IP=<none> PORT(S)=80:30080/TCP,53/UDP AGE=60s "
                "SELECTOR=a=b"
            ),
        ),
        (
            thing("v1", "Service", spec={"type": "LoadBalancer", "clusterIP": "10.96.0.9", "ports": [{"port": 80}]}),
            "TYPE=LoadBalancer EXTERNAL-IP=<pending> SELECTOR=<none>",
        ),
        (
            thing(
                "v1",
                "Service",
                spec={"type": "LoadBalancer", "ports": [{"port": 80}]},
                status={"loadBalancer": {"ingress": [{"ip": "1.2.3.4"}, {"hostname": "h"}]}},
            ),
            "EXTERNAL-IP=1.2.3.4,h CLUSTER-IP=<none>",
        ),
        (
            thing("v1", "Service", spec={"type": "ExternalName", "externalName": "example.com"}),
            "CLUSTER-IP=<none> EXTERNAL-IP=example.com PORT(S)=<none>",
        ),
        (thing("v1", "Service", spec={"clusterIP": "None", "clusterIPs": ["None"]}), "CLUSTER-IP=None TYPE=ClusterIP"),
        (thing("v1", "Endpoints"), "NAME=web ENDPOINTS=<none> AGE=60s"),
        (
            thing(
                "v1",
                "Endpoints",
                subsets=[
                    {"addresses": [{"ip": f"10.0.0.{n}"} for n in range(3)], "ports": [{"port": 80}, {"port": 81}]}
                ],
            ),
            "ENDPOINTS=10.0.0.0:80,10.0.0.1:80,10.0.0.2:80_+_3_more...",
        ),
        (
            thing(
                "discovery.k8s.io/v1",
                "EndpointSlice",
                addressType="IPv4",
                ports=[{"port": 80}, {"name": "x"}, {}],
                endpoints=[{"addresses": ["10.0.0.1"]}],
            ),
            "NAME=web ADDRESSTYPE=IPv4 PORTS=80,x,* ENDPOINTS=10.0.0.1 AGE=60s",
        ),
        (
            thing("discovery.k8s.io/v1", "EndpointSlice", addressType="IPv4", endpoints=[]),
            "PORTS=<unset> ENDPOINTS=<unset>",
        ),
        (
            thing("networking.k8s.io/v1", "Ingress", spec={"rules": [{"host": "a"}, {"host": "b"}], "tls": [{}]}),
            "NAME=web CLASS=<none> HOSTS=a,b ADDRESS= PORTS=80,_443 AGE=60s",
        ),
        (
            thing(
                "v1",
                "Node",
                namespace="",
                metadata={
                    "labels": {"node-role.kubernetes.io/worker": "", "node-role.kubernetes.io/control-plane": ""}
                },
                status={
                    "conditions": [{"type": "Ready", "status": "True"}],
                    "addresses": [{"type": "InternalIP", "address": "172.18.0.2"}],
                },
            ),
            (
                "NAME=web STATUS=Ready ROLES=control-plane,worker AGE=60s VERSION= INTERNAL-IP=172.18.0.2 "
                "EXTERNAL-IP=<none> OS-IMAGE=<unknown>"
            ),
        ),
        (thing("v1", "Namespace", namespace="", status={"phase": "Active"}), "NAME=web STATUS=Active AGE=60s"),
        (
            thing(
                "v1",
                "Event",
                involvedObject={"kind": "Pod", "name": "p", "fieldPath": "spec.containers{c}"},
                reason="Pulled",
                message="Got it\n",
                type="Normal",
                count=3,
                firstTimestamp="2025-12-31T23:59:00Z",
                lastTimestamp="2025-12-31T23:59:55Z",
                source={"component": "kubelet", "host": "n"},
            ),
            (
                "LAST_SEEN=5s TYPE=Normal REASON=Pulled OBJECT=pod/p SUBOBJECT=spec.containers{c} SOURCE=kubelet,_n "
                "MESSAGE=Got_it FIRST_SEEN=60s COUNT=3 NAME=web"
            ),
        ),
        (thing("coordination.k8s.io/v1", "Lease", spec={"holderIdentity": "me"}), "NAME=web HOLDER=me AGE=60s"),
        (thing("v1", "ConfigMap", data={"a": "1"}, binaryData={"b": "YQ=="}), "NAME=web DATA=2 AGE=60s"),
        (thing("v1", "Secret", data={"a": "YQ=="}, type="Opaque"), "NAME=web TYPE=Opaque DATA=1 AGE=60s"),
        (thing("v1", "ServiceAccount"), "NAME=web AGE=60s"),
        (
            thing(
                "v1",
                "PersistentVolumeClaim",
                spec={"accessModes": ["ReadWriteOnce"], "volumeName": "v"},
                status={"phase": "Bound", "capacity": {"storage": "1Gi"}, "accessModes": ["ReadWriteOnce"]},
            ),
            "NAME=web STATUS=Bound VOLUME=v CAPACITY=1Gi ACCESS_MODES=RWO STORAGECLASS= VOLUMEATTRIBUTESCLASS=<unset>",
        ),
        (
            thing(
                "rbac.authorization.k8s.io/v1",
                "RoleBinding",
                roleRef={"kind": "Role", "name": "r", "apiGroup": "g"},
                subjects=[{"kind": "User", "name": "u"}, {"kind": "ServiceAccount", "name": "s", "namespace": "n"}],
            ),
            "NAME=web ROLE=Role/r AGE=60s USERS=u GROUPS= SERVICEACCOUNTS=n/s",
        ),
        (thing("rbac.authorization.k8s.io/v1", "Role"), "NAME=web CREATED_AT=2025-12-31T23:59:00Z"),
        (
            thing("policy/v1", "PodDisruptionBudget", spec={"minAvailable": "50%"}),
            "NAME=web MIN_AVAILABLE=50% MAX_UNAVAILABLE=N/A ALLOWED_DISRUPTIONS=0 AGE=60s",
        ),
        (
            thing(
                "networking.k8s.io/v1",
                "NetworkPolicy",
                spec={
                    "podSelector": {
                        "matchExpressions": [
                            {"key": "t", "operator": "In", "values": ["b", "a"]},
                            {"key": "o", "operator": "DoesNotExist"},
                        ]
                    }
                },
            ),
            "NAME=web POD-SELECTOR=!o,t_in_(a,b) AGE=60s",
        ),
    ],
    ids=lambda value: value.kind if hasattr(value, "kind") else "",
)
def test_cells(obj, cells):
    found = {heading.replace(" ", "_"): cell.replace(" ", "_") for heading, cell in shown(obj, wide=True).items()}
    expected = dict(pair.split("=", 1) for pair in cells.split(" "))
    assert {heading: found[heading] for heading in expected} == expected


def test_custom_objects_have_name_and_age():
    obj = thing("example.com/v1", "Widget")
    assert rows("widgets.example.com", [obj], NOW) == (("NAME", "AGE"), ("web", "60s"))


@pytest.mark.parametrize(
    ("conditions", "cordoned", "word"),
    [
        ([], False, "Unknown"),
        ([{"type": "Ready", "status": "Unknown"}], False, "NotReady"),
        ([{"type": "Ready", "status": "False"}], True, "NotReady,SchedulingDisabled"),
        ([{"type": "Ready", "status": "True"}], True, "Ready,SchedulingDisabled"),
    ],
)
def test_node_status(conditions, cordoned, word):
    node = thing("v1", "Node", namespace="", spec={"unschedulable": cordoned}, status={"conditions": conditions})
    assert node_status(node) == word


def test_table_as_kubectl_lays_it_out():
    objects = [thing("v1", "ConfigMap"), thing("v1", "ConfigMap", "a-long-name", "kube-system", data={"a": "b"})]
    assert table("configmaps", objects, NOW) == (
        "NAME          DATA   AGE\nweb           0      60s\na-long-name   1      60s"
    )
    assert table("configmaps", objects, NOW, namespaced=True, typed=True) == (
        "NAMESPACE     NAME                    DATA   AGE\n"
        "default       configmap/web           0      60s\n"
        "kube-system   configmap/a-long-name   1      60s"
    )


def test_type_names():
    assert type_name("pods") == "pod"
    assert type_name("deployments.apps") == "deployment.apps"
    assert type_name("widgets.example.com") == "widgets.example.com"


CELL = st.text("abc", max_size=12)


@given(st.integers(1, 4).flatmap(lambda width: st.lists(st.tuples(*[CELL] * width), min_size=1, max_size=5)))
def test_columns_are_straight(cells):
    lines = aligned(cells).split("\n")
    assert [line.split() for line in lines] == [[cell for cell in row if cell] for row in cells]
    for place in range(len(cells[0])):
        # The dumb way: a column begins after all before it, each as wide as its widest cell and three more.
        start = sum(max(6, max(len(row[before]) for row in cells) + 3) for before in range(place))
        assert all(line[start:].startswith(row[place]) for line, row in zip(lines, cells, strict=True))
