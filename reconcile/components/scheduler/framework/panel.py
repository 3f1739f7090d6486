"""
Panel: what extenders say of a pod during its turn, as far as they have answered.

What one is asked is a pure value of what was found up to then; where there is no answer yet, the turn stops.

Takes:    what extenders have answered, as WebhookAnswered.
Gives:    CallWebhook with what is still to be asked; the nodes, scores and victims that they let stand.
Source:   the scheduler's HTTPExtender; k8s.io/kube-scheduler/extender/v1.
Left out: see docs/limits.md, "Scheduler".
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from reconcile.api.convert import dump
from reconcile.api.scalars import freeze
from reconcile.components.scheduler.cache.nodes import slots_in
from reconcile.components.scheduler.configuration import Extender
from reconcile.components.scheduler.framework.company import Around, Groups, refined
from reconcile.components.scheduler.framework.one_node import Body
from reconcile.components.scheduler.framework.search import key_of
from reconcile.components.scheduler.framework.verdicts import Refusal
from reconcile.components.scheduler.plugins.default_preemption import Candidate, Placing, Victim
from reconcile.effects import CallWebhook
from reconcile.events import WebhookAnswered
from reconcile.lib.table import Table

EXTENDER: Final = "Extender"
_SCALE: Final = 10  # an extender scores from 0 to 10
_DEADLINE: Final = "context deadline exceeded"


class UnansweredError(Exception):
    """A turn cannot go on: *calls* are to be answered first."""

    def __init__(self, calls: tuple[CallWebhook, ...]) -> None:
        super().__init__(f"{len(calls)} calls are not answered")
        self.calls = calls


class FailedError(Exception):
    """An extender could not be asked, or says what makes no sense."""


class Panel:
    """
    The extenders during one turn. It belongs to the call that opened it.

    Args:
        extenders: all of them.
        pod: the pod whose turn it is.
        answers: what they have answered, by what was asked.
    """

    __slots__ = ("_answers", "_asked", "_pod", "looks")

    def __init__(self, extenders: tuple[Extender, ...], pod: Any, answers: Mapping[str, WebhookAnswered]) -> None:
        self._asked = [(place, each) for place, each in enumerate(extenders) if is_interested(each, pod)]
        self._pod = pod
        self._answers = answers
        self.looks = any(each.filters or each.prioritizes for each in extenders)

    def filtered(self, fit: int, around: Around, word: str = "filter") -> tuple[int, list[tuple[Refusal, int]]]:
        """Give which of the nodes that will do are left, and why the others are not."""
        refused: list[tuple[Refusal, int]] = []
        for place, each in self._asked:
            if not fit or not each.filters:
                continue
            args = _about(each, self._pod, fit, around)
            try:
                answer = self._answered(place, each, word, each.filters, args)
                left, why = _filtered(each, answer, fit, around)
            except FailedError:
                if each.ignorable:
                    continue
                raise
            fit, refused = left, [*refused, *why]
        return fit, refused

    def scored(self, fit: int, around: Around) -> Groups:
        """Give what they add to the scores of nodes: groups of nodes that get the same; who fails adds nothing."""
        calls: list[CallWebhook] = []
        found: Groups = [(0, fit)]
        for place, each in self._asked:
            if not each.prioritizes:
                continue
            try:
                args = _about(each, self._pod, fit, around)
                answer = self._answered(place, each, "prioritize", each.prioritizes, args)
                found = refined(found, _scored(each, answer, fit, around))
            except UnansweredError as error:
                calls += error.calls
            except FailedError:
                continue
        if calls:
            raise UnansweredError(tuple(calls))
        return found

    def preempting(self, candidates: list[Candidate], around: Around, placing: Placing) -> list[Candidate]:
        """Give where victims may make room, and which."""
        names = around.nodes.fleet.names
        for place, each in self._asked:
            if not each.preempts or not candidates:
                continue
            args = _about_victims(each, self._pod, candidates, names)
            try:
                answer = self._answered(place, each, "preempt", each.preempts, args)
                found = _victims(each, answer, around, placing)
            except FailedError:
                if each.ignorable:
                    continue
                raise
            order = {candidate.slot: number for number, candidate in enumerate(candidates)}
            candidates = sorted(found, key=lambda one: (order.get(one.slot, len(order)), names[one.slot]))
        return candidates

    def _answered(self, place: int, extender: Extender, word: str, verb: str, args: dict[str, Any]) -> Any:
        call = call_of(extender, f"{word} {place} {key_of(self._pod)} {self._pod.metadata.uid}", verb, args)
        answer = self._answers.get(call.call)
        if answer is None:
            raise UnansweredError((call,))
        return said(extender, verb, answer)


def is_interested(extender: Extender, pod: Any) -> bool:
    """Tell whether an extender is to be asked about this pod."""
    if not extender.managed:
        return True
    for container in (*pod.spec.containers, *(pod.spec.init_containers or ())):
        wanted = container.resources
        if wanted is not None and any(
            name in (wanted.requests or ()) or name in (wanted.limits or ()) for name in extender.managed
        ):
            return True
    return False


def call_of(extender: Extender, name: str, verb: str, args: dict[str, Any]) -> CallWebhook:
    """Give what leaves the cluster to ask an extender; *name* says what is asked, and comes back with the answer."""
    review: Any = freeze(args)
    url = f"{extender.url}/{verb}"
    return CallWebhook(
        name,
        review,
        extender.timeout,
        url,
        ca_bundle=extender.authority,
        who="extender",
        server_name=extender.server_name,
        certificate=extender.certificate,
        key=extender.key,
        insecure=extender.insecure,
    )


def said(extender: Extender, verb: str, answer: WebhookAnswered) -> Any:
    """
    Give what an extender has said.

    Raises:
        FailedError: it could not be asked, or did not answer as it should; in the words of Go's client.
    """
    url = f"{extender.url}/{verb}"
    if answer.error == _DEADLINE:
        raise FailedError(f'Post "{url}": {_DEADLINE} (Client.Timeout exceeded while awaiting headers)')
    if answer.error or not answer.code:
        host = url.partition("://")[2].partition("/")[0]
        raise FailedError(f'Post "{url}": {answer.error or f"dial tcp {host}: connect: connection refused"}')
    if answer.code != 200:  # noqa: PLR2004 -- OK
        raise FailedError(f"failed {verb} with extender at URL {url}, code {answer.code}")
    if isinstance(answer.body, str):
        text = answer.body
        raise FailedError(f"invalid character {text[0]!r} looking for beginning of value" if text else "EOF")
    return answer.body


def field_of(body: Any, name: str, kind: type[Any], what: str) -> Any:
    """Give a field of what was said, by Go's rule that capitals do not matter; None if there is none."""
    if body is None:
        return None
    if not isinstance(body, Mapping):
        raise FailedError(f"json: cannot unmarshal {_kind(body)} into Go value of type v1.{what}")
    found = body.get(name)
    if found is None:
        found = next((body[key] for key in sorted(body) if key.lower() == name.lower()), None)
    if found is None or (isinstance(found, kind) and not (kind is int and isinstance(found, bool))):
        return found
    raise FailedError(f"json: cannot unmarshal {_kind(found)} into Go struct field {what}.{name}")


def _kind(value: Any) -> str:
    match value:
        case bool():
            return "bool"
        case int() | float():
            return "number"
        case str():
            return "string"
        case Mapping():
            return "object"
        case _:
            return "array"


def _about(extender: Extender, pod: Any, fit: int, around: Around) -> dict[str, Any]:
    """Give the ExtenderArgs."""
    names = [around.nodes.fleet.names[slot] for slot in slots_in(fit)]
    if extender.knows_nodes:
        return {"Pod": plain(pod), "Nodes": None, "NodeNames": names}
    nodes = [plain(around.views.nodes[name]) for name in names if name in around.views.nodes]
    return {"Pod": plain(pod), "Nodes": {"metadata": {}, "items": nodes}, "NodeNames": None}


def plain(obj: Any) -> dict[str, Any]:
    """Give an object as extenders are shown it: a scheduler's objects do not say of what kind they are."""
    return {name: value for name, value in dump(obj).items() if name not in ("apiVersion", "kind")}


def _filtered(extender: Extender, body: Any, fit: int, around: Around) -> tuple[int, list[tuple[Refusal, int]]]:
    what, slots = "ExtenderFilterResult", around.nodes.fleet.slots
    error = field_of(body, "Error", str, what)
    if error:
        raise FailedError(error)
    names = field_of(body, "NodeNames", tuple, what) if extender.knows_nodes else None
    if names is None:
        listed = field_of(body, "Nodes", Mapping, what)
        items = field_of(listed, "items", tuple, "NodeList") or ()
        metadata = [field_of(item, "metadata", Mapping, "Node") for item in items]
        names = [field_of(each, "name", str, "ObjectMeta") or "" for each in metadata]
    left = 0
    for name in names:
        slot = slots.get(name, None) if isinstance(name, str) else None
        if slot is None or not fit >> slot & 1:
            raise FailedError(
                f'extender "{extender.url}" claims a filtered node "{name}" which is not found in the input node list'
            )
        left |= 1 << slot
    final = field_of(body, "FailedAndUnresolvableNodes", Mapping, what) or {}
    failed = field_of(body, "FailedNodes", Mapping, what) or {}
    gone = fit & ~left
    refused = _refused(final, slots, gone, final=True)
    for _, members in refused:
        gone &= ~members
    others = _refused(failed, slots, gone, final=False)
    for _, members in others:
        gone &= ~members
    # Of a node that is just left out nothing is said.
    return left, [*refused, *others, *([(Refusal(EXTENDER, (), final=True), gone)] if gone else [])]


def _refused(found: Mapping[str, Any], slots: Any, among: int, *, final: bool) -> list[tuple[Refusal, int]]:
    reasons: dict[str, int] = {}
    for name in sorted(found):
        slot = slots.get(name, None)
        if slot is not None and among >> slot & 1:
            reasons[str(found[name])] = reasons.get(str(found[name]), 0) | 1 << slot
    return [(Refusal(EXTENDER, (reason,), final), members) for reason, members in reasons.items()]


def _scored(extender: Extender, body: Any, fit: int, around: Around) -> Groups:
    slots, scores = around.nodes.fleet.slots, dict.fromkeys(slots_in(fit), 0)
    if body is not None and not isinstance(body, tuple):
        raise FailedError(f"json: cannot unmarshal {_kind(body)} into Go value of type v1.HostPriorityList")
    for each in body or ():
        slot = slots.get(field_of(each, "Host", str, "HostPriority") or "", None)
        score = field_of(each, "Score", int, "HostPriority") or 0
        if slot in scores:
            scores[slot] += score * extender.weight * _SCALE
    groups: dict[int, int] = {}
    for slot, score in scores.items():
        groups[score] = groups.get(score, 0) | 1 << slot
    return sorted(groups.items())


def _about_victims(
    extender: Extender, pod: Any, candidates: Iterable[Candidate], names: Table[int, str]
) -> dict[str, Any]:
    """Give the ExtenderPreemptionArgs."""
    rows: dict[str, Any] = {}
    for each in candidates:
        pods: list[Any] = [victim.pod for victim in each.victims]
        told = [{"UID": one.metadata.uid} if extender.knows_nodes else plain(one) for one in pods]
        rows[names[each.slot]] = {"Pods": told, "NumPDBViolations": each.violations}
    meta = extender.knows_nodes
    return {
        "Pod": plain(pod),
        "NodeNameToVictims": None if meta else rows,
        "NodeNameToMetaVictims": rows if meta else None,
    }


def _victims(extender: Extender, body: Any, around: Around, placing: Placing) -> list[Candidate]:
    slots = around.nodes.fleet.slots
    rows = field_of(body, "NodeNameToMetaVictims", Mapping, "ExtenderPreemptionResult") or {}
    found: list[Candidate] = []
    for name in sorted(rows):
        slot = slots.get(name, None)
        if slot is None:
            raise FailedError(f'nodeinfo not found for node name "{name}"')
        listed = field_of(rows[name], "Pods", tuple, "MetaVictims") or ()
        if not listed:
            if extender.ignorable:
                continue
            raise FailedError(f'expected at least one victim pod on node "{name}"')
        uids = [field_of(each, "UID", str, "MetaPod") or "" for each in listed]
        victims = tuple([_victim(extender, uid, name, around, placing) for uid in uids])
        found.append(Candidate(slot, victims, field_of(rows[name], "NumPDBViolations", int, "MetaVictims") or 0))
    return found


def _victim(extender: Extender, uid: str, name: str, around: Around, placing: Placing) -> Victim:
    for key, placed in placing.placed.items():
        if placed.uid == uid and placed.node == name:
            pod = around.views.pods.get(key, None) or (placed.entry.pod if placed.entry is not None else None)
            if pod is not None:
                return Victim(key, pod, Body(placed.demand, placed.traits, key))
    raise FailedError(
        f"extender: {extender.url} claims to preempt pod (UID: &{{{uid}}}) on node: {name}, "
        "but the pod is not found on that node"
    )
