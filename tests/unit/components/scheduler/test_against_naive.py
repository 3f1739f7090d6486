"""
A second, dumber scheduler: it keeps no cache and no ranking, and looks at every node from scratch for every pod, with
fractions where upstream has integers. Both are told the same and must say the same. What depends on other pods is in
test_company_against_naive.py.
"""

from collections import Counter
from fractions import Fraction

import attrs
from hypothesis import given
from hypothesis import strategies as st

from reconcile.api import meta_v1
from reconcile.components.scheduler.cache.demand import demand_of
from reconcile.components.scheduler.cache.nodes import slots_in
from reconcile.components.scheduler.cache.wishes import wishes_of
from reconcile.components.scheduler.framework.ranking import best, laid_out, ranked

MEBI = 1024 * 1024
ZONES = [("zone", "a"), ("zone", "b"), ("size", "3"), ("size", "10")]
TAINTS = [
    (key, value, effect)
    for key in ("x", "y")
    for value in ("", "1")
    for effect in ("NoSchedule", "NoExecute", "PreferNoSchedule")
]
IMAGES = ["nginx:1", "redis:latest", "big:2"]


def some(options, **sizes):
    return st.lists(st.sampled_from(options), unique=True, **sizes)


@st.composite
def nodes(draw, kit):
    return kit.node(
        f"n{draw(st.integers(0, 5))}",
        taints=draw(some(TAINTS, max_size=2)) if draw(st.booleans()) else (),
        unschedulable=draw(st.sampled_from([None, None, None, True])),
        labels=draw(some(ZONES, max_size=2)),
        images=[(image, draw(st.sampled_from([30, 400, 3000])) * MEBI) for image in draw(some(IMAGES, max_size=2))],
        cpu=draw(st.sampled_from(["1", "2", "1500m"])),
        memory=draw(st.sampled_from(["1Gi", "3000Mi", "0"])),
        pods=draw(st.sampled_from(["2", "5"])),
        more=draw(some([("example.com/gpu", "2")], max_size=1)),
    )


@st.composite
def mild_nodes(draw, kit):
    """Draw a node that refuses hardly any pod, and has much for or against it."""
    return kit.node(
        f"n{draw(st.integers(0, 9))}",
        taints=draw(some([taint for taint in TAINTS if taint[2] == "PreferNoSchedule"], max_size=3)),
        labels=draw(some(ZONES, max_size=2)),
        images=[(image, draw(st.sampled_from([30, 400, 3000])) * MEBI) for image in draw(some(IMAGES, max_size=2))],
        cpu=draw(st.sampled_from(["4", "8"])),
        more=[("example.com/gpu", "2")],
    )


@st.composite
def terms(draw):
    expressions = [
        ("zone", "In", "a"),
        ("zone", "NotIn", "a"),
        ("zone", "Exists"),
        ("size", "DoesNotExist"),
        ("size", "Gt", "5"),
        ("size", "Lt", "5"),
    ]
    fields = [("metadata.name", "In", "n1"), ("metadata.name", "NotIn", "n2")]
    return draw(some(expressions, max_size=2)), draw(some(fields, max_size=1))


@st.composite
def containers(draw, kit, restart_policy=None):
    asked = {}
    for name, amounts in (
        ("cpu", ["100m", "400m", "1"]),
        ("memory", ["100Mi", "700Mi"]),
        ("ephemeral_storage", ["6Gi", "600Mi"]),
    ):
        if draw(st.booleans() if name != "ephemeral_storage" else st.sampled_from([False, False, True])):
            asked[name] = draw(st.sampled_from(amounts))
    return kit.container(
        image=draw(st.sampled_from([*IMAGES, "redis"])),
        restart_policy=restart_policy,
        ports=[
            (draw(st.sampled_from([80, 81])), draw(st.sampled_from([None, "10.0.0.1", "10.0.0.2"])), "TCP")
            for _ in range(draw(st.sampled_from([0, 0, 0, 1])))
        ],
        more=[("example.com/gpu", "1")] if draw(st.sampled_from([*[False] * 6, True])) else [],
        **asked,
    )


@st.composite
def pods(draw, kit):
    if draw(st.booleans()):
        return kit.pod("any", draw(containers(kit)))
    spec = {}
    if draw(st.booleans()):
        spec["tolerations"] = tuple(
            [
                kit.toleration(
                    draw(st.sampled_from(["x", "y", None])),
                    "Exists",
                    effect=draw(st.sampled_from([None, "NoSchedule", "PreferNoSchedule"])),
                )
                for _ in range(draw(st.integers(1, 2)))
            ]
            + [kit.toleration("x", draw(st.sampled_from([None, "Equal"])), "1")]
        )
    if draw(st.sampled_from([False, False, True])):
        if draw(st.booleans()):
            name = f"n{draw(st.integers(0, 6))}"
            return kit.pod(
                "any", draw(containers(kit)), affinity=kit.affinity(((), [("metadata.name", "In", name)])), **spec
            )
        preferred = [(draw(st.sampled_from([1, 30])), draw(terms())) for _ in range(draw(st.integers(0, 2)))]
        spec["affinity"] = kit.affinity(*draw(st.lists(terms(), max_size=2)), preferred=preferred)
    if draw(st.sampled_from([False, False, False, True])):
        spec["node_selector"] = {"zone": draw(st.sampled_from(["a", "b"]))}
    if draw(st.sampled_from([False, False, True])):
        policies = draw(st.lists(st.sampled_from([None, "Always"]), max_size=2))
        spec["init_containers"] = tuple([draw(containers(kit, policy)) for policy in policies])
    if draw(st.sampled_from([False, False, False, True])):
        spec["overhead"] = kit.quantities(cpu="150m")
    spec["priority"] = draw(st.sampled_from([None, 0]))
    number = draw(st.integers(1, 2))
    return kit.pod("any", *[draw(containers(kit)) for _ in range(number)], **spec)


VERBS = ["node", "node", "lose node", "pod", "pod", "pod", "pod", "turn", "turn", "turn", "turn", "turn", "answer"]
VERBS += ["look", "confirm", "refuse", "leave", "finish", "foreign", "wait"]


@given(st.data())
def test_decides_as_the_naive_scheduler_does(kit, data):  # noqa: C901, PLR0912, PLR0915 -- one case for each verb
    naive = Naive()
    plain = [kit.node(f"n{number}") for number in range(data.draw(st.integers(0, 6)))]
    naive.nodes = {node.metadata.name: node for node in plain}
    play = kit.play(*plain)
    # Pods come of a few templates, as they do in life: rankings are then used again.
    templates = data.draw(st.lists(pods(kit), min_size=1, max_size=3))
    binding = {}
    for number in range(data.draw(st.integers(1, 60))):
        match data.draw(st.sampled_from(VERBS)):
            case "node":
                node = data.draw(nodes(kit))
                naive.nodes[node.metadata.name] = node
                naive.seen(node)
                play.tell("nodes", node)
            case "lose node" if naive.nodes:
                name = data.draw(st.sampled_from(sorted(naive.nodes)))
                del naive.nodes[name]
                naive.unseen(name)
                play.gone("nodes", name)
            case "pod":
                play.tell("pods", named(data.draw(st.sampled_from(templates)), f"p{number}"))
            case "turn":
                turned(kit, play, naive, binding)
            case "answer" if binding:
                play.answer(binding[data.draw(st.sampled_from(sorted(binding)))])
            case "confirm" if binding:
                key = data.draw(st.sampled_from(sorted(binding)))
                play.confirm(binding[key])
                play.answer(binding.pop(key))
            case "refuse" if binding:
                key = data.draw(st.sampled_from(sorted(binding)))
                play.answer(binding.pop(key), 409, meta_v1.Status(message="no"))
                if play.state.placed.get(key, None) is None:
                    del naive.placed[key]
            case "leave" if naive.placed:
                key = data.draw(st.sampled_from(sorted(naive.placed)))
                play.gone("pods", key)
                del naive.placed[key]
                binding.pop(key, None)
            case "finish" if naive.placed:
                key = data.draw(st.sampled_from(sorted(naive.placed)))
                pod = play.objects["pods", key]
                play.tell("pods", attrs.evolve(pod, status=attrs.evolve(pod.status, phase="Succeeded")))
                del naive.placed[key]
                binding.pop(key, None)
            case "foreign":
                pod = named(data.draw(st.sampled_from(templates)), f"p{number}")
                name = f"n{data.draw(st.integers(0, 5))}"
                play.tell("pods", attrs.evolve(pod, spec=attrs.evolve(pod.spec, node_name=name)))
                naive.placed[f"default/p{number}"] = (name, pod)
            case "look":
                looks_the_same(play, naive, data.draw(st.sampled_from(templates)))
            case "wait":
                play.wait(data.draw(st.sampled_from([1, 11, 301])))
                for key in ("retry",), ("flush",):
                    play.fire(key)
    for template in templates:
        looks_the_same(play, naive, template)


@given(st.data())
def test_prefers_as_the_naive_scheduler_does(kit, data):
    naive = Naive()
    play = kit.play()
    templates = data.draw(st.lists(pods(kit), min_size=1, max_size=3))
    for number in range(3):
        for node in data.draw(st.lists(mild_nodes(kit), max_size=6)):
            naive.nodes[node.metadata.name] = node
            naive.seen(node)
            play.tell("nodes", node)
        for turn, template in enumerate(templates):
            play.tell("pods", named(template, f"p{number}-{turn}"))
            turned(kit, play, naive, {})
        for template in templates:
            looks_the_same(play, naive, template)


def named(pod, name):
    return attrs.evolve(pod, metadata=attrs.evolve(pod.metadata, name=name, uid=f"uid-{name}"))


def looks_the_same(play, naive, pod):
    """Compare every node that will do, and every best one."""
    nodes, demand, wishes = play.state.nodes, demand_of(pod), wishes_of(pod)
    memory = play.state.memory
    ranking = ranked(memory.rankings.get(demand, (0, None))[1], demand, nodes)
    layout = laid_out(memory.layouts.get(wishes, (0, None))[1], wishes, nodes)
    assert names_in(nodes, ranking.fit & layout.fit) == naive.fit(pod)
    found = best(ranking, layout, wishes, nodes, ranking.fit & layout.fit, groups=[])
    assert names_in(nodes, found) == naive.best(pod)


def names_in(nodes, chosen):
    return sorted([nodes.fleet.names[slot] for slot in slots_in(chosen)])


def turned(kit, play, naive, binding):
    effects = play.turn()
    found = kit.calls(effects, "binding")
    if found:
        (call,) = found
        key, name = call.tag[1], call.request.body.target.name
        pod = play.objects["pods", key]
        assert name in naive.best(pod)
        naive.placed[key] = (name, pod)
        binding[key] = call
    elif kit.records(effects):
        (record,) = kit.records(effects)
        assert record.message == naive.why_not(record.about)
        for patch in kit.calls(effects, "status"):
            conditions = patch.request.body["status"]["conditions"]
            assert [each["message"] for each in conditions] == [record.message]


class Naive:
    def __init__(self):
        self.nodes = {}
        self.placed = {}
        self.sizes = {}  # image -> (size, the nodes that have it), sizes as first seen

    def seen(self, node):
        # A node that reports an image again leaves and comes back: if it was alone, its new size counts.
        self.unseen(node.metadata.name)
        for image in node.status.images:
            _, there = self.sizes.setdefault(image.names[0], (image.size_bytes, set()))
            there.add(node.metadata.name)

    def unseen(self, name):
        for image, (_, there) in list(self.sizes.items()):
            there.discard(name)
            if not there:
                del self.sizes[image]

    def fit(self, pod):
        return [name for name, node in sorted(self.nodes.items()) if self.refusal(pod, node) is None]

    def best(self, pod):
        fit = self.fit(pod)
        disliked = {name: self.disliked(pod, self.nodes[name]) for name in fit}
        preferred = {name: self.preferred(pod, self.nodes[name]) for name in fit}
        scores = {}
        for name in fit:
            calm = 100 - (100 * disliked[name] // max(disliked.values()) if max(disliked.values()) else 0)
            near = 100 * preferred[name] // max(preferred.values()) if max(preferred.values()) else 0
            scores[name] = 3 * calm + 2 * near + self.use(pod, self.nodes[name]) + self.local(pod, self.nodes[name])
        return [name for name in fit if scores[name] == max(scores.values())]

    def why_not(self, pod):
        if not self.nodes:
            return "no nodes available to schedule pods"
        only = only_names(pod)
        reasons, hopeless = Counter(), 0
        for node in self.nodes.values():
            if only is not None and node.metadata.name not in only:
                texts, final = ["node(s) didn't satisfy plugin(s) [NodeAffinity]"], True
            else:
                texts, final = self.refusal(pod, node)
            reasons.update(texts)
            hopeless += final
        total = len(self.nodes)
        after = Counter({"Preemption is not helpful for scheduling": hopeless})
        after["No preemption victims found for incoming pod"] = total - hopeless
        return f"{listed(total, reasons)} no new claims to deallocate, preemption: {listed(total, after)}"

    def refusal(self, pod, node):
        tolerations = pod.spec.tolerations or ()
        cordon = ("node.kubernetes.io/unschedulable", "", "NoSchedule")
        if node.spec.unschedulable and not tolerated(tolerations, cordon):
            return ["node(s) were unschedulable"], True
        for taint in node.spec.taints:
            row = (taint.key, taint.value, taint.effect)
            if taint.effect != "PreferNoSchedule" and not tolerated(tolerations, row):
                return ["node(s) had untolerated taint(s)"], True
        labels = node.metadata.labels
        selected = all(labels.get(key) == value for key, value in (pod.spec.node_selector or {}).items())
        required = affinity(pod).required_during_scheduling_ignored_during_execution if affinity(pod) else None
        if not selected or (required and not any(matches(term, node) for term in required.node_selector_terms)):
            return ["node(s) didn't match Pod's node affinity/selector"], True
        there = self.pods_on(node)
        taken = [port for other in there for port in host_ports(other)]
        for protocol, number, ip in host_ports(pod):
            for other in taken:
                if other[:2] == (protocol, number) and (other[2] == ip or None in {other[2], ip}):
                    return ["node(s) didn't have free ports for the requested pod ports"], False
        return self.short(pod, node, there)

    def short(self, pod, node, there):
        texts = ["Too many pods"] if len(there) + 1 > node.status.allocatable["pods"].whole else []
        final = False
        for name, asked in sorted(totals(pod).items()):
            allocatable = node.status.allocatable.get(name)
            allocatable = Fraction(allocatable.nanos, 10**9) if allocatable is not None else 0
            if asked and asked + sum(totals(other).get(name, 0) for other in there) > allocatable:
                texts.append(f"Insufficient {name}")
                final = final or asked > allocatable
        return (texts, final) if texts else None

    def pods_on(self, node):
        return [pod for name, pod in self.placed.values() if name == node.metadata.name]

    def disliked(self, pod, node):
        return sum(
            taint.effect == "PreferNoSchedule"
            and not tolerated(pod.spec.tolerations or (), (taint.key, taint.value, taint.effect))
            for taint in node.spec.taints
        )

    def preferred(self, pod, node):
        terms = affinity(pod).preferred_during_scheduling_ignored_during_execution if affinity(pod) else ()
        return sum(term.weight for term in terms if matches(term.preference, node))

    def use(self, pod, node):
        everyone = [*self.pods_on(node), pod]
        allocatable = {name: Fraction(node.status.allocatable[name].nanos, 10**9) for name in ("cpu", "memory")}
        parts = []
        for name, whole in allocatable.items():
            if whole:
                used = sum(totals(each, unsaid=True)[name] for each in everyone)
                parts.append(int((whole - used) * 100 / whole) if used <= whole else 0)
        least = sum(parts) // len(parts) if parts else 0
        if not any(totals(pod).get(name) for name in allocatable):
            return least
        if 0 in allocatable.values():
            return least + 75

        def evenness(pods):
            one, other = (
                min(float(sum(totals(each).get(name, Fraction(0)) for each in pods)) / float(whole), 1.0)
                for name, whole in allocatable.items()
            )
            return int((1 - abs(one - other) / 2) * 100)

        return least + 50 + (50 + evenness(everyone) - evenness(everyone[:-1])) // 2

    def local(self, pod, node):
        total, all_containers = 0, [*(pod.spec.init_containers or ()), *pod.spec.containers]
        for container in all_containers:
            name = "redis:latest" if container.image == "redis" else container.image
            size, there = self.sizes.get(name, (0, ()))
            if node.metadata.name in there:
                total += size * len(there) // len(self.nodes)
        most = 1000 * MEBI * len(all_containers)
        return 100 * (min(max(total, 23 * MEBI), most) - 23 * MEBI) // (most - 23 * MEBI)


def listed(total, reasons):
    return f"0/{total} nodes are available: {', '.join(sorted(f'{n} {text}' for text, n in reasons.items() if n))}."


def affinity(pod):
    return pod.spec.affinity.node_affinity if pod.spec.affinity else None


def only_names(pod):
    required = affinity(pod).required_during_scheduling_ignored_during_execution if affinity(pod) else None
    if not required or not required.node_selector_terms:
        return None
    names = set()
    for term in required.node_selector_terms:
        by_name = [set(each.values) for each in term.match_fields if each.operator == "In"]
        if not by_name:
            return None
        names |= set.intersection(*by_name)
    return names


def tolerated(tolerations, taint):
    for each in tolerations:
        if each.effect not in {None, taint[2]} or each.key not in {None, taint[0]}:
            continue
        if each.operator == "Exists" or each.value == taint[1]:
            return True
    return False


def matches(term, node):
    if not term.match_expressions and not term.match_fields:
        return False
    labels = {**node.metadata.labels, "metadata.name": node.metadata.name}
    for each in [*term.match_expressions, *term.match_fields]:
        value = labels.get(each.key)
        if not {
            "In": lambda: value in each.values,  # noqa: B023
            "NotIn": lambda: value not in each.values,  # noqa: B023
            "Exists": lambda: value is not None,  # noqa: B023
            "DoesNotExist": lambda: value is None,  # noqa: B023
            "Gt": lambda: value is not None and int(value) > int(each.values[0]),  # noqa: B023
            "Lt": lambda: value is not None and int(value) < int(each.values[0]),  # noqa: B023
        }[each.operator]():
            return False
    return True


def totals(pod, *, unsaid=False):
    """Give what the pod takes: the most of each resource at any moment of its life, in exact fractions."""

    def asked(container):
        found = Counter()
        requests = container.resources.requests if container.resources else {}
        for name, quantity in requests.items():
            found[name] = Fraction(quantity.nanos, 10**9)
        if unsaid:
            found["cpu"] = found["cpu"] if "cpu" in requests else Fraction(1, 10)
            found["memory"] = found["memory"] if "memory" in requests else Fraction(200 * MEBI)
        return found

    moments, sidecars = [], Counter()
    for container in pod.spec.init_containers or ():
        moments.append(plus(sidecars, asked(container)))
        if container.restart_policy == "Always":
            sidecars = plus(sidecars, asked(container))
    everything = sidecars
    for container in pod.spec.containers:
        everything = plus(everything, asked(container))
    moments.append(everything)
    peak = Counter()
    for moment in moments:
        peak |= moment
    overhead = Counter({name: Fraction(each.nanos, 10**9) for name, each in (pod.spec.overhead or {}).items()})
    return plus(peak, overhead)


def plus(one, other):
    return Counter({name: one[name] + other[name] for name in {*one, *other}})


def host_ports(pod):
    sidecars = [each for each in pod.spec.init_containers or () if each.restart_policy == "Always"]
    return [
        (port.protocol, port.host_port, port.host_ip)
        for container in [*pod.spec.containers, *sidecars]
        for port in container.ports
    ]
