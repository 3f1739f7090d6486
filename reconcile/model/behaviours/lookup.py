"""Which behaviour counts for an image, and for a container."""

from __future__ import annotations

from collections.abc import Mapping
from fnmatch import fnmatchcase
from functools import cached_property, lru_cache
from typing import Any, Final

import attrs

from reconcile.lib.errors import ReconcileError
from reconcile.lib.mapping import Map
from reconcile.model.behaviours import series
from reconcile.model.behaviours.behaviour import Behaviour, Span
from reconcile.model.behaviours.curves import Curve, parse_curve
from reconcile.model.behaviours.reading import (
    name_at,
    only,
    parse_behaviour,
    rows_at,
    service_at,
    span_at,
    text_at,
)
from reconcile.model.behaviours.registries import Registry, document_of, registries_of
from reconcile.model.text import names


@attrs.frozen(kw_only=True)
class Rule:
    """
    What containers do that fit a description; what it leaves empty fits all, and at least one part is not empty.

    Args:
        labels: their pods have all of these.
        name: a glob for their names.
        command: a glob for their command and arguments, with spaces between them.
        image: a pattern for their images, as in `Behaviours.images`.
        behaviour: what they do; what it says of images does not count.
    """

    labels: Map[str] = Map()
    name: str = ""
    command: str = ""
    image: str = ""
    behaviour: Behaviour

    def fit(self, container: Described) -> tuple[int, ...] | None:
        """Tell how closely this describes *container*, the closest being the greatest; None if it does not."""
        if self.command and not fnmatchcase(container.command, self.command):
            return None
        if self.name and not fnmatchcase(container.name, self.name):
            return None
        if any(container.labels.get(key) != value for key, value in self.labels.items()):
            return None
        pattern = _pattern((self.image,), container.image) if self.image else ""
        if pattern is None:
            return None
        return _said(self.command), _said(self.name), len(self.labels), _said(self.image)


@attrs.frozen(kw_only=True)
class Described:
    """A container, as rules look at it; its *command* is one text, command and arguments with spaces between them."""

    image: str
    name: str
    command: str
    labels: Map[str]


@attrs.frozen(kw_only=True)
class Behaviours:
    """
    The behaviour of every image and container.

    Args:
        images: pattern -> behaviour. A pattern is an image's name (`web:2`), a name without its tag (`web`), or a glob
            (`*/web:*`).
        sandbox: how long a pod's sandbox takes.
        containers: behaviours of single containers, which count before those of their images.
        load: the requests a second that come to a service, by its key, from when the cluster was powered on.
        external: metrics of things outside the cluster, by name, likewise.
        queues: how many items of work there are in each, by name.
        registries: from where images come, how fast, and how that fails: by the registry's host, or a glob.
    """

    images: Map[Behaviour] = Map()
    sandbox: Span = Span(0, 0)
    containers: tuple[Rule, ...] = ()
    load: Map[Curve] = Map()
    external: Map[Curve] = Map()
    registries: Map[Registry] = Map()
    queues: Map[int] = Map()

    @classmethod
    def default(cls) -> Behaviours:
        """Give what is so unless something else is said: the control plane's images are there, others can be pulled."""
        return _DEFAULT

    @classmethod
    def parse(cls, document: Mapping[str, Any]) -> Behaviours:
        """
        Read a behaviours document (`schemas/behaviours.json`), laid over the default.

        Raises:
            ReconcileError: something in it cannot be understood; its path and value are shown.
        """
        only(document, ("sandbox", "images", "containers", "load", "external", "registries", "queues"), "")
        images = document.get("images") or {}
        if not isinstance(images, Mapping):
            raise ReconcileError(f"images: must map patterns to behaviours, not be {images!r}")
        read = {str(pattern): parse_behaviour(images[pattern], f"images[{pattern!r}]") for pattern in images}
        sandbox = _DEFAULT.sandbox if "sandbox" not in document else span_at(document["sandbox"], "sandbox")
        rows = rows_at(document.get("containers") or (), "containers")
        rules = tuple([_rule(row, f"containers[{place}]") for place, row in enumerate(rows)])
        load, external = _load(document.get("load") or {}), _external(document.get("external") or {})
        queues = _queues(document.get("queues") or {})
        doing = [(f"images[{pattern!r}]", behaviour) for pattern, behaviour in read.items()]
        doing += [(f"containers[{place}].behaviour", rule.behaviour) for place, rule in enumerate(rules)]
        for place, behaviour in doing:
            if behaviour.work is not None and behaviour.work.queue not in queues:
                raise ReconcileError(f"{place}: {str(behaviour.work)!r}: there is no queue of this name among 'queues'")
        return cls(
            images=_DEFAULT.images.merge(read),
            sandbox=sandbox,
            containers=rules,
            load=load,
            external=external,
            registries=registries_of(document.get("registries") or {}),
            queues=queues,
        )

    def of(self, image: str) -> Behaviour:
        """Give the behaviour of *image*: by its name, else by its name without tag, else by the most specific glob."""
        pattern = _pattern(tuple(self.images), image)
        return _USUAL if pattern is None else self.images[pattern]

    def doing(self, container: Described) -> Behaviour:
        """
        Give what *container* does: the rule that describes it most closely says so, else its image's behaviour.

        Of two rules, the closer one is the one with the command that says more, else with the name that says more, else
        with more labels, else with the image that says more (a character says more than a wildcard), else the first.
        """
        best: tuple[int, ...] = ()
        found = None
        for rule in self.containers:
            fit = rule.fit(container)
            if fit is not None and (found is None or fit > best):
                best, found = fit, rule.behaviour
        return self.of(container.image) if found is None else found

    @cached_property
    def has_needs(self) -> bool:
        """Whether anything needs a service to be ready."""
        every = (*self.images.values(), *[rule.behaviour for rule in self.containers])
        return any(behaviour.needs for behaviour in every)

    @cached_property
    def has_causes(self) -> bool:
        """Whether anything ends for want of a service."""
        every = (*self.images.values(), *[rule.behaviour for rule in self.containers])
        return any(cause.without for behaviour in every for cause in behaviour.causes)

    @cached_property
    def has_fills(self) -> bool:
        """Whether anything writes to volumes."""
        every = (*self.images.values(), *[rule.behaviour for rule in self.containers])
        return any(behaviour.fills for behaviour in every)

    @cached_property
    def components(self) -> tuple[str, ...]:
        """The applications that containers run, by name, each once."""
        every = (*self.images.values(), *[rule.behaviour for rule in self.containers])
        return tuple(dict.fromkeys([behaviour.component for behaviour in every if behaviour.component]))

    @cached_property
    def has_usage(self) -> bool:
        """Whether anything is said of what is used, or of what else is measured."""
        every = (*self.images.values(), *[rule.behaviour for rule in self.containers])
        used = any(behaviour.cpu is not None or behaviour.memory is not None for behaviour in every)
        return used or self.has_metrics or bool(self.external)

    @cached_property
    def has_metrics(self) -> bool:
        """Whether anything is measured but the use of processors and memory."""
        every = (*self.images.values(), *[rule.behaviour for rule in self.containers])
        return bool(self.load) or any(behaviour.metrics for behaviour in every)

    @property
    def document(self) -> dict[str, Any]:
        """The document of which `parse` makes this again."""
        curves = {
            name: {key: str(curve) for key, curve in found.items()}
            for name, found in (("load", self.load), ("external", self.external))
            if found
        }
        rules = {"containers": [_written(rule) for rule in self.containers]} if self.containers else {}
        return {
            "sandbox": str(self.sandbox),
            "images": {pattern: behaviour.text for pattern, behaviour in self.images.items()},
            **rules,
            **curves,
            **({"registries": document_of(self.registries)} if self.registries else {}),
            **({"queues": dict(self.queues)} if self.queues else {}),
        }


# Lookup ---------------------------------------------------------------------------------------------------------------


_USUAL: Final = Behaviour()


@lru_cache(maxsize=4096)
def _pattern(patterns: tuple[str, ...], image: str) -> str | None:
    """Give the one of *patterns* that *image* goes by."""
    for name in (image, *_names(image)):
        if name in patterns:
            return name
    best = max([(_fit(pattern, image), pattern) for pattern in patterns], default=(-1, ""))
    return None if best[0] < 0 else best[1]


def _said(glob: str) -> int:
    """Tell how much a glob says: its characters without the wildcards, and that it stands there at all."""
    return len(glob) - glob.count("*") - glob.count("?") + 1 if glob else 0


def _names(image: str) -> tuple[str, ...]:
    plain = image.removeprefix("docker.io/").removeprefix("library/")
    return (plain, f"{plain}:latest", untagged(image), untagged(plain))


def _fit(pattern: str, image: str) -> int:
    """Tell how much of *image* the glob *pattern* says without a wildcard; -1 if it does not match."""
    if any(fnmatchcase(name, pattern) for name in (image, _names(image)[0])):
        return len(pattern) - pattern.count("*") - pattern.count("?")
    return -1


def untagged(image: str) -> str:
    """Give an image's name without its tag and digest: `registry:5000/web:2` -> `registry:5000/web`."""
    name = image.partition("@")[0]
    head, slash, tail = name.rpartition("/")
    return f"{head}{slash}{tail.partition(':')[0]}"


# Rules ----------------------------------------------------------------------------------------------------------------

_OF_IMAGES: Final = ("pull", "again", "size", "absent", "preloaded")
_DESCRIBING: Final = ("labels", "name", "command", "image")


def _rule(written: Any, path: str) -> Rule:
    only(written, (*_DESCRIBING, "behaviour"), path)
    if "behaviour" not in written:
        raise ReconcileError(f"{path}.behaviour: must say what these containers do: {dict(written)!r}")
    if not any(written.get(part) for part in _DESCRIBING):
        raise ReconcileError(f"{path}: needs at least one of {', '.join(_DESCRIBING)}: {dict(written)!r}")
    labels = written.get("labels") or {}
    if not isinstance(labels, Mapping):
        raise ReconcileError(f"{path}.labels: must map labels to values, not be {labels!r}")
    behaviour = parse_behaviour(written["behaviour"], f"{path}.behaviour")
    usual = Behaviour()
    for part in _OF_IMAGES:
        if getattr(behaviour, part) != getattr(usual, part):
            raise ReconcileError(f"{path}.behaviour: {part!r} is said of images, not of containers: {behaviour.text!r}")
    return Rule(
        labels=Map({str(key): text_at(value, f"{path}.labels.{key}") for key, value in labels.items()}),
        name=text_at(written.get("name", ""), f"{path}.name"),
        command=text_at(written.get("command", ""), f"{path}.command"),
        image=text_at(written.get("image", ""), f"{path}.image"),
        behaviour=behaviour,
    )


def _written(rule: Rule) -> dict[str, Any]:
    parts = {part: getattr(rule, part) for part in _DESCRIBING if getattr(rule, part)}
    return {**parts, "behaviour": rule.behaviour.text}


def _load(written: Any) -> Map[Curve]:
    if not isinstance(written, Mapping):
        raise ReconcileError(f"load: must map services to requests a second, not be {written!r}")
    for key in written:
        if "/" not in service_at(key, f"load[{key!r}]"):
            raise ReconcileError(f"load[{key!r}]: must be NAMESPACE/NAME of a service")
    return Map({str(key): _curve(value, f"load[{key!r}]") for key, value in written.items()})


def _external(written: Any) -> Map[Curve]:
    if not isinstance(written, Mapping):
        raise ReconcileError(f"external: must map metrics to values, not be {written!r}")
    return Map(
        {
            series.canonical(str(key), f"external.{key}"): _curve(value, f"external.{key}")
            for key, value in written.items()
        }
    )


def _queues(written: Any) -> Map[int]:
    if not isinstance(written, Mapping):
        raise ReconcileError(f"queues: must map queues to how many items are in them, not be {written!r}")
    for key, items in written.items():
        name_at(key, f"queues[{key!r}]")
        for fault in names.label_value_faults(str(key)):
            raise ReconcileError(f"queues[{key!r}]: {fault}")
        if isinstance(items, bool) or not isinstance(items, int) or items < 0:
            raise ReconcileError(f"queues[{key!r}]: must be a number of items, not {items!r}")
    return Map({str(key): items for key, items in written.items()})


def _curve(value: Any, path: str) -> Curve:
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise ReconcileError(f"{path}: must be a value over time such as '20', '0..100 over 1h', not {value!r}")
    return parse_curve(str(value), path)


_DEFAULT: Final = Behaviours(
    images=Map(
        {
            "*": Behaviour(),
            "registry.k8s.io/*": parse_behaviour("preloaded, start 1s, stop 1s"),
        }
    )
)
