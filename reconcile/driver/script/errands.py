"""
Errands: kubectl's commands as data, read from kubectl's own words: `drain node-3 --ignore-daemonsets --force`.

Takes:    a command's verb and the words after it.
Gives:    errands, and the conversation that each is.
Source:   the words and flags are kubectl's.
Left out: selectors in place of names, several objects at once, files, and the flags that are not in `_FLAGS`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, Literal, TypeAlias

import attrs

from reconcile.api.kinds import resource_named
from reconcile.api.scalars import freeze
from reconcile.driver import kubectl
from reconcile.driver.kubectl import Talk
from reconcile.driver.kubectl.marks import pairs
from reconcile.driver.kubectl.nodes import taints
from reconcile.driver.script.fields import Target
from reconcile.lib.digest import canonical
from reconcile.lib.errors import ReconcileError
from reconcile.lib.instant import Instant
from reconcile.lib.mapping import Map

Flag: TypeAlias = Literal["flag", "count", "text"]

_FLAGS: Final[dict[str, dict[str, Flag]]] = {
    "cordon": {},
    "uncordon": {},
    "drain": {
        "ignore-daemonsets": "flag",
        "force": "flag",
        "delete-emptydir-data": "flag",
        "disable-eviction": "flag",
        "grace-period": "count",
        "pod-selector": "text",
    },
    "taint": {"overwrite": "flag"},
    "label": {"overwrite": "flag"},
    "annotate": {"overwrite": "flag"},
    "patch": {},
    "set image": {},
    "rollout undo": {"to-revision": "count"},
    "rollout pause": {},
    "rollout resume": {},
    "rollout restart": {},
}
VERBS: Final = tuple(_FLAGS)
_OF_NODES: Final = ("cordon", "uncordon", "drain")
_CHANGING: Final = ("taint", "label", "annotate", "set image")


@attrs.frozen
class Errand:
    """
    One command of kubectl.

    Args:
        verb: the command: `taint`, `rollout undo`.
        target: the object that it is about.
        changes: what is to be changed, as kubectl reads it: `a=b:NoSchedule`, `tier-`, `web=web:2`.
        flags: name without dashes -> value; a flag that has none is `true`.
        body: of `patch`, the JSON merge patch.
    """

    verb: str
    target: Target
    changes: tuple[str, ...] = ()
    flags: Map[str] = attrs.field(factory=Map)
    body: Any = None

    def __str__(self) -> str:
        about = self.target.name if self.verb in _OF_NODES else str(self.target)
        flags = [f"--{name}" if value == "true" else f"--{name}={value}" for name, value in self.flags.items()]
        body = [] if self.body is None else [f"-p {canonical(self.body)}"]
        return " ".join([self.verb, about, *self.changes, *flags, *body])


def errand_of(verb: str, words: tuple[str, ...], *, namespace: str = "default", body: Any = None) -> Errand:
    """
    Read a command of kubectl.

    Args:
        verb: one of `VERBS`.
        words: what stands after it.
        namespace: of a namespaced object, if no flag names another one.
        body: of `patch`, the JSON merge patch.

    Raises:
        ReconcileError: it cannot be understood; it shows the word.
    """
    named = [word for word in words if not word.startswith("-")]
    flags = _flags(verb, [word for word in words if word.startswith("-")])
    space = flags.get("namespace", namespace)
    target, changes = _target(verb, named, space)
    if changes and verb not in _CHANGING:
        raise ReconcileError(f"{verb} takes one object, not also {' '.join(changes)!r}")
    if not changes and verb in _CHANGING:
        raise ReconcileError(f"{verb} {target}: must say what to change, such as {_EXAMPLES[verb]}")
    if verb == "patch" and not isinstance(body, Mapping):
        raise ReconcileError(f"patch {target}: needs a JSON merge patch, not {body!r}")
    errand = Errand(verb, target, tuple(changes), flags.remove("namespace"), freeze(body) if body is not None else None)
    _checked(errand)
    return errand


def talk_of(errand: Errand, now: Instant) -> Talk:
    """Give the conversation that *errand* is; *now* is what kubectl's clock says."""
    target, flags = errand.target, errand.flags
    word, name, space = target.word, target.name, target.namespace
    match errand.verb:
        case "cordon":
            return kubectl.cordon(name)
        case "uncordon":
            return kubectl.uncordon(name)
        case "drain":
            return kubectl.drain(name, _drain(flags))
        case "taint":
            return kubectl.taint(name, errand.changes, overwrite="overwrite" in flags)
        case "label" | "annotate":
            change = _MARKS[errand.verb]
            marks = pairs(errand.changes, errand.verb)
            return change(word, name, marks, namespace=space, overwrite="overwrite" in flags)
        case "patch":
            return kubectl.patched(word, name, errand.body, namespace=space)
        case "set image":
            return kubectl.set_image(word, name, _images(errand.changes), namespace=space)
        case "rollout restart":
            return kubectl.restart(word, name, now, namespace=space)
        case "rollout undo":
            return kubectl.undo(word, name, namespace=space, to_revision=int(flags.get("to-revision", "0")))
        case "rollout pause":
            return kubectl.pause(word, name, namespace=space)
        case _:
            return kubectl.resume(word, name, namespace=space)


_MARKS: Final[dict[str, Callable[..., Talk]]] = {"label": kubectl.label, "annotate": kubectl.annotate}
_EXAMPLES: Final = {
    "taint": "dedicated=db:NoSchedule, or dedicated- to take it away",
    "label": "tier=db, or tier- to take it off",
    "annotate": "note=text, or note- to take it off",
    "set image": "web=web:2",
}


def _target(verb: str, named: list[str], namespace: str) -> tuple[Target, list[str]]:
    """Read what a command is about, `deployment/web` or `deployment web`; give also the words after it."""
    if not named:
        raise ReconcileError(f"{verb}: must say what it is about")
    if verb in _OF_NODES:
        word, slash, name = named[0].partition("/")
        if not slash:
            word, name = "node", word
        rest = named[1:]
    elif "/" in named[0] and "=" not in named[0]:
        word, _, name = named[0].partition("/")
        rest = named[1:]
    elif len(named) > 1:
        word, name, rest = named[0], named[1], named[2:]
    else:
        raise ReconcileError(f"{verb} {named[0]!r} is not of the form deployment/web")
    resource = resource_named(word)
    if not name or "/" in name:
        raise ReconcileError(f"{verb} {named[0]!r} is not of the form deployment/web")
    if verb in {*_OF_NODES, "taint"} and resource.key != "nodes":
        raise ReconcileError(f"{verb} {word}/{name}: only nodes can be, not {resource.plural}")
    return Target(word, name, namespace if resource.namespaced else ""), rest


def _flags(verb: str, words: list[str]) -> Map[str]:
    known = {**_FLAGS[verb], "namespace": "text"}
    found: dict[str, str] = {}
    for word in words:
        name, equals, value = word.removeprefix("--").partition("=")
        if not word.startswith("--") or name not in known:
            said = ", ".join([f"--{flag}" for flag in known])
            raise ReconcileError(f"{verb}: there is no flag {word!r}; there are {said}")
        if name in found:
            raise ReconcileError(f"{verb}: the flag --{name} stands there twice")
        shape = known[name]
        fits = value in {"true", "false"} if shape == "flag" else value.isdigit() if shape == "count" else bool(value)
        if equals and not fits:
            what = {"flag": "true or false", "count": "a count", "text": "text"}[shape]
            raise ReconcileError(f"{verb}: --{name} is {what}, not {value!r}")
        if not equals and shape != "flag":
            raise ReconcileError(f"{verb}: --{name} needs a value, as in --{name}=VALUE")
        if shape != "flag" or value != "false":
            found[name] = value or "true"
    return Map(found)


def _checked(errand: Errand) -> None:
    """Refuse what could only fail later."""
    if errand.verb == "taint":
        taints(errand.changes)
    elif errand.verb in _MARKS:
        pairs(errand.changes, errand.verb)
    elif errand.verb == "set image":
        _images(errand.changes)


def _images(changes: tuple[str, ...]) -> dict[str, str]:
    found: dict[str, str] = {}
    for change in changes:
        container, equals, image = change.partition("=")
        if not (container and equals and image):
            raise ReconcileError(f"set image: {change!r} is not of the form web=web:2")
        found[container] = image
    return found


def _drain(flags: Map[str]) -> kubectl.Drain:
    return kubectl.Drain(
        ignore_daemonsets="ignore-daemonsets" in flags,
        force="force" in flags,
        delete_emptydir_data="delete-emptydir-data" in flags,
        disable_eviction="disable-eviction" in flags,
        grace_period=int(flags.get("grace-period", "-1")),
        pod_selector=flags.get("pod-selector", ""),
    )
