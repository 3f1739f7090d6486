import copy

import pytest

from reconcile.api import convert
from reconcile.api.scalars import freeze
from reconcile.lib.dice import Dice
from reconcile.lib.errors import ReconcileError
from reconcile.lib.gotemplate import TemplateError
from reconcile.lib.instant import MILLISECOND, SECOND
from reconcile.model.stages import Around, Pool, Seen, Settings, chosen, delay_of, matching, stages_of, steps_of

START = 1_767_225_600 * SECOND
POD = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "p", "namespace": "d", "uid": "u", "annotations": {"wait": "3s", "weight": "0x10"}},
    "spec": {"nodeName": "n", "containers": [{"name": "c", "image": "i"}]},
    "status": {"conditions": [{"type": "Ready", "status": "True"}]},
}


def stage(name="s", **spec):
    known = {"resourceRef": {"apiGroup": "v1", "kind": "Pod"}, "selector": {}, "next": {}}
    known |= spec
    if "steps" in known:
        known.pop("next")
    return {"apiVersion": "kwok.x-k8s.io/v1alpha1", "kind": "Stage", "metadata": {"name": name}, "spec": known}


def configured(**options):
    return {"apiVersion": "config.kwok.x-k8s.io/v1alpha1", "kind": "KwokConfiguration", "options": options}


def read(*documents):
    return stages_of(freeze(list(documents))).by_resource["pods"]


def seen(**changes):
    data = copy.deepcopy(POD)
    for key, value in changes.items():
        data[key] |= value
    return Seen(convert.load(data).object, data)


def around(**given):
    parts = {"now": START, "start": START, "dice": Dice(1, "t"), "pool": Pool(), "node": lambda _: None, "key": "d/p"}
    return Around(given.pop("settings", Settings()), **parts | given)


def asks(key, operator, *values):
    return {"matchExpressions": [{"key": key, "operator": operator, "values": list(values)}]}


@pytest.mark.parametrize(
    ("selector", "matches"),
    [
        ({}, True),
        ({"matchAnnotations": {"wait": "3s"}}, True),
        ({"matchLabels": {"a": "b"}}, False),
        (asks(".metadata.deletionTimestamp", "DoesNotExist"), True),
        (asks(".metadata.uid", "Exists"), True),
        (asks('.status.conditions.[] | select( .type == "Ready" ) | .status', "In", "True", "Unknown"), True),
        (asks('.status.conditions.[] | select( .type == "Ready" ) | .status', "NotIn", "True"), False),
        (asks(".status.none.[]", "In", "x"), False),  # an error is nothing found
        (asks(".status.none.[]", "NotIn", "x"), True),
        (asks(".spec.containers | length", "In", "1"), True),
        ({"matchExpressions": [{"jq": {"key": ".metadata.uid", "operator": "Exists"}}]}, True),
        ({"matchExpressions": [{"cel": {"expression": "self.metadata.name == 'p'"}}]}, True),
        ({"matchExpressions": [{"cel": {"expression": "self.spec.nothing == 'p'"}}]}, False),
    ],
)
def test_what_a_selector_matches(selector, matches):
    assert bool(matching(read(stage(selector=selector)), seen())) is matches


def test_a_stage_with_a_null_selector_selects_nothing():
    assert dict(stages_of(freeze([stage(selector=None)])).by_resource) == {}


def drawn(stages, pod, times=400):
    dice, found = Dice(3, "w"), []
    for _ in range(times):
        choice, dice = chosen(stages, pod, dice)
        found.append(choice.name)
    return {name: found.count(name) / times for name in sorted(set(found))}


def test_weights():
    weighed = read(stage("a", weight=1), stage("b", weight=3), stage("c"))
    assert drawn(weighed, seen()) == {"a": pytest.approx(0.25, abs=0.08), "b": pytest.approx(0.75, abs=0.08)}
    said = {"jq": {"expression": ".metadata.annotations.weight"}}
    assert drawn(read(stage("a", weight=16), stage("b", weightFrom=said)), seen())["b"] == pytest.approx(0.5, abs=0.08)
    odd = {"expressionFrom": ".metadata.name"}  # no number: chosen only if that is so of all
    assert drawn(read(stage("a"), stage("b", weightFrom=odd)), seen()) == {"a": 1.0}
    assert len(drawn(read(stage("a", weightFrom=odd), stage("b", weightFrom=odd)), seen())) == 2
    assert chosen((), seen(), Dice(1, "x")) == (None, Dice(1, "x"))


@pytest.mark.parametrize(
    ("delay", "low", "high"),
    [
        (None, 0, 0),
        ({"durationMilliseconds": 1500}, 1500, 1500),
        ({"durationMilliseconds": 1000, "jitterDurationMilliseconds": 5000}, 1000, 4999),
        ({"durationMilliseconds": 1000, "jitterDurationMilliseconds": 200}, 200, 200),
        ({"durationMilliseconds": 7, "durationFrom": {"expressionFrom": ".metadata.annotations.wait"}}, 3000, 3000),
        ({"durationMilliseconds": 7, "durationFrom": {"expressionFrom": ".metadata.annotations.none"}}, 7, 7),
        ({"durationFrom": {"jq": {"expression": ".metadata.deletionTimestamp"}}}, 30000, 30000),
        ({"durationMilliseconds": 60000, "jitterDurationFrom": {"jq": {"expression": ".metadata.deletionTimestamp"}}},
         30000, 30000),
        ({"durationFrom": {"cel": {"expression": "duration('4s')"}}}, 4000, 4000),
    ],
)  # fmt: skip
def test_delays(delay, low, high):
    going = seen(metadata={"deletionTimestamp": "2026-01-01T00:00:30Z"})
    found = {delay_of(read(stage(delay=delay))[0], going, START, Dice(n, "d"))[0] for n in range(40)}
    assert low * MILLISECOND <= min(found) <= max(found) <= high * MILLISECOND
    assert len(found) == 1 or high > low


def test_a_status_template_is_a_strategic_patch_of_the_status():
    template = "phase: Running\npodIP: {{ PodIPWith .spec.nodeName false .metadata.uid | Quote }}\nstartTime: {{ Now }}"
    known = around()
    (doing,) = steps_of(read(stage(next={"statusTemplate": template}))[0], seen(), known)
    request = doing.request
    assert (request.verb, request.resource, request.namespace, request.name) == ("patch", "pods", "d", "p")
    assert (request.subresource, request.patch_type) == ("status", "strategic")
    status = {"phase": "Running", "podIP": "10.0.0.1", "startTime": "2026-01-01T00:00:00Z"}
    assert request.body == freeze({"status": status})
    assert known.pool.used["10.0.0.1"] == "d/p"


def test_steps_in_their_order():
    steps = [
        {"event": {"reason": "Bye", "message": "{{ (index .spec.containers 0).name }} ends"}},
        {"finalizers": {"add": [{"value": "x/y"}]}},
        {"patch": {"type": "json", "root": "metadata", "template": "- {op: add, path: /labels, value: {a: b}}"}},
        {"patch": {"type": "merge", "template": "metadata: {labels: {c: '{{ .metadata.name }}'}}"}},
        {"delete": True},
        {"patch": {"template": "spec: {}"}},
    ]
    note, finalizers, listed, merged, gone = steps_of(read(stage(steps=steps))[0], seen(), around())
    assert (note.note.type, note.note.reason, note.note.message) == ("Normal", "Bye", "c ends")
    assert finalizers.request.body == freeze([{"op": "add", "path": "/metadata/finalizers", "value": ["x/y"]}])
    assert listed.request.body == freeze([{"op": "add", "path": "/metadata/labels", "value": {"a": "b"}}])
    assert merged.request.body == freeze({"metadata": {"labels": {"c": "p"}}})
    assert (gone.request.verb, gone.request.body.grace_period_seconds) == ("delete", 0)


@pytest.mark.parametrize(
    ("there", "wanted", "operations"),
    [
        ([], {"empty": True}, []),
        (["a"], {"empty": True}, [{"op": "remove", "path": "/metadata/finalizers"}]),
        (["a", "b"], {"remove": [{"value": "b"}]}, [{"op": "remove", "path": "/metadata/finalizers/1"}]),
        (["a"], {"remove": [{"value": "a"}]}, [{"op": "remove", "path": "/metadata/finalizers"}]),
        (
            ["a"],
            {"add": [{"value": "a"}, {"value": "b"}]},
            [{"op": "add", "path": "/metadata/finalizers/-", "value": "b"}],
        ),
    ],
)  # fmt: skip
def test_finalizers(there, wanted, operations):
    pod = seen(metadata={"finalizers": there})
    found = steps_of(read(stage(next={"finalizers": wanted}))[0], pod, around())
    assert [each.request.body for each in found] == ([freeze(operations)] if operations else [])


def test_a_patch_that_changes_nothing_is_not_sent():
    template = 'conditions: [{type: Ready, status: "True"}]'
    assert steps_of(read(stage(next={"statusTemplate": template}))[0], seen(), around()) == ()


@pytest.mark.parametrize("template", ["{{ index .none 0 }}", "a: b: c", "- no mapping"])
def test_what_renders_as_no_patch(template):
    found = read(stage(steps=[{"patch": {"template": template}}]))[0]
    with pytest.raises(TemplateError):
        steps_of(found, seen(), around())


def test_addresses_come_back():
    pool = Pool()
    first, pool = pool.take("10.1.0.0/30", "a")
    second, pool = pool.take("10.1.0.0/30", "b")
    assert (first, second) == ("10.1.0.0", "10.1.0.1")
    pool = pool.gave_back(first, ("fd00::/64", "10.1.0.0/30")).took("10.1.0.2", "x")
    assert pool.take("10.1.0.0/30", "c")[0] == first
    _, pool = pool.take("10.1.0.0/30", "c")
    assert pool.take("10.1.0.0/30", "d")[0] == "10.1.0.3"
    _, pool = pool.take("10.1.0.0/30", "d")
    with pytest.raises(TemplateError, match="all addresses"):
        pool.take("10.1.0.0/30", "e")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"delay": {"durationMilliseconds": "soon"}}, "spec.delay.durationMilliseconds: must be a whole number"),
        ({"delay": {"durationMilliseconds": -1}}, "not -1"),
        ({"delay": {"after": 1}}, "spec.delay.after: there is no such field"),
        ({"weight": True}, "spec.weight: must be a whole number, 0 or more, not True"),
        ({"selector": asks(".a", "Is")}, "matchExpressions[0].operator: must be one of In, NotIn"),
        ({"selector": asks(".a", "In")}, "matchExpressions[0].values: In needs values"),
        ({"selector": asks(".a", "Exists", "x")}, "Exists takes no values, not ['x']"),
        ({"selector": asks(".a | reduce", "Exists")}, "key: '.a | reduce' is no jq expression"),
        ({"selector": {"matchExpressions": [{"cel": {"expression": "self."}}]}}, "cel.expression: 'self.'"),
        ({"selector": {"matchLabels": {"a": 1}}}, "matchLabels['a']: must be text, not 1"),
        ({"resourceRef": {"kind": "Nodule"}}, "spec.resourceRef: no such kind: 'Nodule' of 'v1'"),
        ({"next": {"statusTemplate": "{{ if }}"}}, "spec.next.statusTemplate: template: line 1"),
        ({"next": {"statusTemplate": "{{ env `HOME` }}"}}, "function 'env' not defined"),
        ({"next": {"statusTemplate": "a: b", "statusPatchAs": {}}}, "statusPatchAs.username: must be text, not None"),
        ({"steps": [{"patch": {"impersonation": {"username": ""}}}]}, "impersonation.username: somebody must be named"),
        ({"steps": [{"patch": {"impersonation": {"user": "u"}}}]}, "impersonation.user: there is no such field"),
        ({"steps": [{"apply": {"type": "json"}}]}, "apply.type: must be one of apply, merge, strategic, not 'json'"),
        ({"steps": [{"apply": {"root": "x"}}]}, "steps[0].apply.root: there is no such field"),
        ({"resourceRef": {"apiGroup": "a.example", "kind": "T"}}, "must have a version, such as a.example/v1"),
        ({"resourceRef": {"apiGroup": "apps/v1", "kind": "Thing"}}, "no such kind: 'Thing' of 'apps/v1'"),
        ({"next": {"patches": [{"type": "odd"}]}}, "patches[0].type: must be one of json, merge, strategic, not 'odd'"),
        ({"next": {"event": {"type": "Loud"}}}, "event.type: must be Normal or Warning, not 'Loud'"),
        ({"next": {"delete": "yes"}}, "spec.next.delete: must be true or false, not 'yes'"),
        ({"then": 1}, "spec.then: there is no such field"),
        ({"weightFrom": {}}, "spec.weightFrom: needs one of"),
    ],
)
def test_a_bad_stage_is_told_of(changes, said):
    with pytest.raises(ReconcileError) as caught:
        read(stage("bad", **changes))
    assert said in str(caught.value)
    assert str(caught.value).startswith("[0] (bad).")


@pytest.mark.parametrize(
    ("document", "said"),
    [
        (1, "must be a Stage or a KwokConfiguration"),
        ({"apiVersion": "v1", "kind": "Pod"}, "not 'v1 Pod'"),
        ({"apiVersion": "kwok.x-k8s.io/v1alpha1", "kind": "Stage", "metadata": {}}, "a Stage needs a name"),
        (configured(cidr="x"), "'x'"),
        (
            configured(nodeLeaseDurationSeconds="x"),
            "nodeLeaseDurationSeconds: must be a whole number, 0 or more, not 'x'",
        ),
        (configured(nodePort=65536), "options.nodePort: must be 0 to 65535, not 65536"),
        (configured(nodePort=-1), "options.nodePort: must be a whole number, 0 or more, not -1"),
        (configured(nodeIP="10.0.0"), "options.nodeIP: must be an IP address, not '10.0.0'"),
        (configured(manageSingleNode=1), "options.manageSingleNode: must be text, not 1"),
        (configured(nodeprot=1), "options.nodeprot: there is no such field; known: cidr, "),
    ],
)
def test_a_bad_document_is_told_of(document, said):
    with pytest.raises(ReconcileError) as caught:
        stages_of((freeze(document),))
    assert said in str(caught.value)


def test_two_of_one_name():
    with pytest.raises(ReconcileError, match="two stages are called 's'"):
        read(stage(), stage())


def test_two_configurations():
    with pytest.raises(ReconcileError, match=r"\[1\]: there is another KwokConfiguration"):
        stages_of(freeze([configured(), configured(serverAddress=":10247", podPlayStageParallelism=4)]))


MAP = """
apiVersion: v1
kind: ConfigMap
metadata: {name: of-{{ .metadata.name }}}
data: {image: "{{ (index .spec.containers 0).image }}"}
"""
STATUS = "{apiVersion: v1, kind: Node, metadata: {name: other}, status: {phase: Running}}"


def test_what_is_applied_is_created_or_patched():
    steps = [
        {"apply": {"template": MAP, "impersonation": {"username": "u"}}},
        {"apply": {"template": STATUS, "subresource": "status", "type": "merge"}},
    ]
    made, patched = steps_of(read(stage(steps=steps))[0], seen(), around())
    create, instead = made.request, made.otherwise
    assert (create.verb, create.resource, create.namespace) == ("create", "configmaps", "d")
    assert (create.body.metadata.name, create.body.metadata.namespace) == ("of-p", "d")
    assert (instead.verb, instead.name, instead.patch_type, instead.force) == ("patch", "of-p", "apply", True)
    assert (made.username, instead.field_manager, instead.body["data"]["image"]) == ("u", "kwok", "i")
    assert patched.otherwise is None
    assert (patched.request.resource, patched.request.namespace, patched.request.name) == ("nodes", "", "other")
    assert (patched.request.subresource, patched.request.patch_type) == ("status", "merge")


@pytest.mark.parametrize(
    ("template", "said"),
    [
        ("- a", "what is applied has an apiVersion and a kind, not"),
        ("{apiVersion: v1, kind: ConfigMap}", "what is applied needs a name, not None"),
        ("{apiVersion: v1, kind: Map, metadata: {name: m}}", "what is applied: no such kind: 'Map' of 'v1'"),
        ("{apiVersion: v1, kind: ConfigMap, metadata: {name: m}, data: 1}", "what is applied is no ConfigMap: "),
    ],
)
def test_what_cannot_be_applied(template, said):
    with pytest.raises(TemplateError) as caught:
        steps_of(read(stage(steps=[{"apply": {"template": template}}]))[0], seen(), around())
    assert said in str(caught.value)


def test_who_is_impersonated():
    status = {"statusTemplate": "phase: Running", "statusPatchAs": {"username": "u"}}
    (patch,) = steps_of(read(stage(next=status))[0], seen(), around())
    assert patch.username == "u"


ADDRESSES = [("InternalIP", "10.2.0.1"), ("InternalIP", "10.2.0.2"), ("ExternalIP", "fd00::1"), ("Hostname", "n")]


@pytest.mark.parametrize(
    ("on_host", "found"),
    [
        ("false", {"podIPs": [{"ip": "10.3.0.0"}, {"ip": "fd00:3::"}], "podIP": "10.3.0.0"}),
        ("true", {"podIPs": [{"ip": "10.2.0.1"}, {"ip": "fd00::1"}], "podIP": "10.2.0.1"}),
    ],
)
def test_addresses_of_both_families(on_host, found):
    template = """podIPs:
{{ range PodIPsWith .spec.nodeName ON_HOST .metadata.uid .metadata.name .metadata.namespace }}
- ip: {{ . | Quote }}
{{ end }}
podIP: {{ index (NodeIPsWith .spec.nodeName) 0 | Quote }}"""
    if on_host == "false":
        template = template.replace("index (NodeIPsWith .spec.nodeName) 0", '"10.3.0.0"')
    node = convert.load(
        {
            "apiVersion": "v1",
            "kind": "Node",
            "metadata": {"name": "n"},
            "spec": {"podCIDRs": ["10.3.0.0/24", "fd00:3::/64"]},
            "status": {"addresses": [{"type": kind, "address": address} for kind, address in ADDRESSES]},
        }
    ).object
    known = read(stage(next={"statusTemplate": template.replace("ON_HOST", on_host)}))[0]
    (patch,) = steps_of(known, seen(), around(node=lambda _: node))
    assert patch.request.body == freeze({"status": found})


def test_stages_of_custom_resources_are_apart():
    found = stages_of(freeze([stage("a"), stage("b", resourceRef={"apiGroup": "example.com/v1", "kind": "Thing"})]))
    assert (list(found.by_resource), list(found.custom)) == (["pods"], ["Thing.example.com"])
