"""
Reading: documents of KWOK's kinds to Stages.

Both forms of a Stage that were published are read: with `next` and plain keys, and with `steps` and `jq` or `cel`.

Takes:    documents as plain JSON.
Gives:    Stages, or a ReconcileError that says document, field, value and what is expected.
Source:   https://kwok.sigs.k8s.io/docs/generated/apis/
Left out: ClusterResourceUsage and the other kinds of KWOK; options of a KwokConfiguration that concern its own
          process, which are read over.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from ipaddress import ip_address, ip_interface
from typing import Any, Final

from reconcile.api.kinds import is_built_in, resource_for
from reconcile.lib.errors import ReconcileError
from reconcile.lib.gotemplate import parsed
from reconcile.lib.instant import MILLISECOND
from reconcile.lib.jq import compiled
from reconcile.lib.mapping import Map
from reconcile.model import selectors
from reconcile.model.cel import compile_errors
from reconcile.model.stages.functions import NAMES
from reconcile.model.stages.values import (
    Application,
    Delay,
    Expression,
    Finalizers,
    Note,
    Patch,
    Requirement,
    Settings,
    Stage,
    Stages,
    Step,
)

STAGE: Final = ("kwok.x-k8s.io/v1alpha1", "Stage")
CONFIGURATION: Final = ("config.kwok.x-k8s.io/v1alpha1", "KwokConfiguration")

_OPERATORS: Final = ("In", "NotIn", "Exists", "DoesNotExist")
_PATCHES: Final = ("json", "merge", "strategic")
_APPLICATIONS: Final = ("apply", "merge", "strategic")
_MOST_PORT: Final = 65535
_MOST: Final = ((1 << 63) - 1) // MILLISECOND
_SPEC: Final = ("resourceRef", "selector", "weight", "weightFrom", "delay", "next", "steps", "immediateNextStage")
_NEXT: Final = ("event", "finalizers", "delete", "patches", "statusTemplate", "statusSubresource", "statusPatchAs")

# Options of a KwokConfiguration: by name the field of Settings and what it holds.
_OPTIONS: Final[dict[str, tuple[str, type]]] = {
    "cidr": ("cidr", str),
    "nodeIP": ("node_ip", str),
    "nodeName": ("node_name", str),
    "nodePort": ("node_port", int),
    "manageSingleNode": ("single_node", str),
    "manageAllNodes": ("all_nodes", bool),
    "manageNodesWithAnnotationSelector": ("nodes_with_annotations", str),
    "manageNodesWithLabelSelector": ("nodes_with_labels", str),
    "disregardStatusWithAnnotationSelector": ("not_with_annotations", str),
    "disregardStatusWithLabelSelector": ("not_with_labels", str),
    "nodeLeaseDurationSeconds": ("lease_seconds", int),
}
# Those that concern KWOK's own process.
_ITS_OWN: Final = (
    "enableCRDs",
    "tlsCertFile",
    "tlsPrivateKeyFile",
    "serverAddress",
    "experimentalEnableCNI",
    "enableDebuggingHandlers",
    "enableContentionProfiling",
    "enableProfilingHandler",
    "podPlayStageParallelism",
    "nodePlayStageParallelism",
    "nodeLeaseParallelism",
    "podsOnNodeSyncParallelism",
    "enablePodsOnNodeSyncListPager",
    "enablePodsOnNodeSyncStreamWatch",
)
_SELECTORS: Final = ("nodes_with_annotations", "nodes_with_labels", "not_with_annotations", "not_with_labels")
_TYPES: Final = {str: "text", int: "a whole number, 0 or more", bool: "true or false"}


@lru_cache(maxsize=64)
def stages_of(documents: tuple[Any, ...]) -> Stages:
    """
    Read documents, each a Stage or a KwokConfiguration.

    Raises:
        ReconcileError: one of them cannot be read; its place and name, field and value are shown.
    """
    found: dict[str, list[Stage]] = {}
    settings: Settings | None = None
    names: set[str] = set()
    for place, document in enumerate(documents):
        path = f"[{place}]{_called(document)}"
        read = checked(document, path)
        if isinstance(read, Settings):
            if settings is not None:
                raise ReconcileError(f"{path}: there is another KwokConfiguration; a cluster has one")
            settings = read
            continue
        if read.name in names:
            raise ReconcileError(f"{path}.metadata.name: two stages are called {read.name!r}")
        names.add(read.name)
        if document["spec"].get("selector") is not None:  # a null selector selects nothing
            found.setdefault(read.resource, []).append(read)
    groups: tuple[dict[str, tuple[Stage, ...]], dict[str, tuple[Stage, ...]]] = ({}, {})
    for key, stages in found.items():
        groups[key[0].isupper()][key] = tuple(stages)
    return Stages(Map(groups[False]), Map(groups[True]), settings or Settings())


def checked(document: Any, path: str = "") -> Stage | Settings:
    """
    Read one document.

    Raises:
        ReconcileError: it cannot be read; *path*, its name, field and value are shown.
    """
    if not isinstance(document, Mapping):
        raise ReconcileError(f"{path}: must be a Stage or a KwokConfiguration, not {document!r}")
    kind = (document.get("apiVersion"), document.get("kind"))
    if kind == CONFIGURATION:
        return _settings(document, path)
    if kind != STAGE:
        said = " ".join(str(each) for each in kind)
        expected = f"must be {' '.join(STAGE)} or {' '.join(CONFIGURATION)}, not {said!r}"
        raise ReconcileError(f"{path}: {expected}" if path else expected)
    _only(document, ("apiVersion", "kind", "metadata", "spec", "status"), path)
    metadata = _mapping(document.get("metadata"), _in(path, "metadata"))
    name = metadata.get("name")
    if not isinstance(name, str) or not name:
        raise ReconcileError(f"{_in(path, 'metadata')}.name: a Stage needs a name, not {name!r}")
    return _stage(name, _mapping(document.get("spec"), _in(path, "spec")), _in(path, "spec"))


def _called(document: Any) -> str:
    """Give a document's name as it stands in what is wrong with it."""
    metadata = document.get("metadata") if isinstance(document, Mapping) else None
    name = metadata.get("name") if isinstance(metadata, Mapping) else None
    return f" ({name})" if isinstance(name, str) else ""


def _stage(name: str, spec: Mapping[str, Any], path: str) -> Stage:
    _only(spec, _SPEC, path)
    resource = _resource(_mapping(spec.get("resourceRef"), f"{path}.resourceRef"), f"{path}.resourceRef")
    selector = _mapping(spec.get("selector") or {}, f"{path}.selector")
    _only(selector, ("matchLabels", "matchAnnotations", "matchExpressions"), f"{path}.selector")
    if "next" in spec and "steps" in spec:
        raise ReconcileError(f"{path}: 'next' and 'steps' say the same: it has one of them")
    if "steps" in spec:
        rows = _rows(spec["steps"], f"{path}.steps")
        steps = tuple([_step(row, f"{path}.steps[{place}]") for place, row in enumerate(rows)])
    else:
        steps = _next(_mapping(spec.get("next"), f"{path}.next"), f"{path}.next")
    expressions = _rows(selector.get("matchExpressions") or (), f"{path}.selector.matchExpressions")
    weight_from = spec.get("weightFrom")
    return Stage(
        name=name,
        resource=resource,
        labels=_texts(selector.get("matchLabels"), f"{path}.selector.matchLabels"),
        annotations=_texts(selector.get("matchAnnotations"), f"{path}.selector.matchAnnotations"),
        requirements=tuple(
            [_requirement(row, f"{path}.selector.matchExpressions[{place}]") for place, row in enumerate(expressions)]
        ),
        weight=_number(spec.get("weight"), f"{path}.weight"),
        weight_from=None if weight_from is None else _expression_from(weight_from, f"{path}.weightFrom"),
        delay=None if spec.get("delay") is None else _delay(spec["delay"], f"{path}.delay"),
        steps=steps,
        immediate=_truth(spec.get("immediateNextStage"), f"{path}.immediateNextStage"),
    )


def _resource(reference: Mapping[str, Any], path: str) -> str:
    _only(reference, ("apiGroup", "kind"), path)
    group = _text(reference.get("apiGroup") or "v1", f"{path}.apiGroup")
    kind = _text(reference.get("kind"), f"{path}.kind")
    name, slash, _ = group.partition("/")
    if "." in name and not is_built_in(name) and kind[:1].isupper():  # what a definition is to establish
        if not slash:
            raise ReconcileError(f"{path}.apiGroup: must have a version, such as {name}/v1, not {group!r}")
        return f"{kind}.{name}"
    try:
        return resource_for(group, kind).key
    except ReconcileError as error:
        raise ReconcileError(f"{path}: {error}") from None


# Selectors and expressions --------------------------------------------------------------------------------------------


def _requirement(row: Any, path: str) -> Requirement:
    given = _mapping(row, path)
    if "cel" in given:
        _only(given, ("cel",), path)
        return Requirement(_cel(given["cel"], f"{path}.cel"))
    if "jq" in given:
        _only(given, ("jq",), path)
        given, path = _mapping(given["jq"], f"{path}.jq"), f"{path}.jq"
    _only(given, ("key", "operator", "values"), path)
    operator = given.get("operator")
    values = tuple([_text(value, f"{path}.values") for value in _rows(given.get("values") or (), f"{path}.values")])
    if operator not in _OPERATORS:
        raise ReconcileError(f"{path}.operator: must be one of {', '.join(_OPERATORS)}, not {operator!r}")
    if bool(values) is not (operator in ("In", "NotIn")):
        said = "needs values" if operator in ("In", "NotIn") else f"takes no values, not {list(values)!r}"
        raise ReconcileError(f"{path}.values: {operator} {said}")
    return Requirement(_jq(given.get("key"), f"{path}.key"), operator, values)


def _expression_from(given: Any, path: str) -> Expression:
    said = _mapping(given, path)
    _only(said, ("expressionFrom", "jq", "cel"), path)
    if len(said) != 1:
        raise ReconcileError(f"{path}: needs one of expressionFrom, jq, cel, not {sorted(said)!r}")
    if "cel" in said:
        return _cel(said["cel"], f"{path}.cel")
    if "jq" in said:
        query = _mapping(said["jq"], f"{path}.jq")
        _only(query, ("expression",), f"{path}.jq")
        return _jq(query.get("expression"), f"{path}.jq.expression")
    return _jq(said["expressionFrom"], f"{path}.expressionFrom")


def _jq(given: Any, path: str) -> Expression:
    text = _text(given, path)
    try:
        compiled(text)
    except ReconcileError as error:
        raise ReconcileError(f"{path}: {error}") from None
    return Expression("jq", text)


def _cel(given: Any, path: str) -> Expression:
    said = _mapping(given, path)
    _only(said, ("expression",), path)
    text = _text(said.get("expression"), f"{path}.expression")
    errors = compile_errors(text, ("self",))
    if errors:
        raise ReconcileError(f"{path}.expression: {text!r}: {errors}")
    return Expression("cel", text)


def _delay(given: Any, path: str) -> Delay:
    said = _mapping(given, path)
    known = ("durationMilliseconds", "durationFrom", "jitterDurationMilliseconds", "jitterDurationFrom")
    _only(said, known, path)
    sources = [
        None if said.get(key) is None else _expression_from(said[key], f"{path}.{key}") for key in (known[1], known[3])
    ]
    jitter = said.get(known[2])
    return Delay(
        duration=_number(said.get(known[0]), f"{path}.{known[0]}") * MILLISECOND,
        duration_from=sources[0],
        jitter=None if jitter is None else _number(jitter, f"{path}.{known[2]}") * MILLISECOND,
        jitter_from=sources[1],
    )


# Steps ----------------------------------------------------------------------------------------------------------------


def _next(given: Mapping[str, Any], path: str) -> tuple[Step, ...]:
    """Read the first form: an event, finalizers, and then a delete or patches."""
    _only(given, _NEXT, path)
    found: list[Step] = []
    if given.get("event") is not None:
        found.append(Step(note=_note(given["event"], f"{path}.event")))
    if given.get("finalizers") is not None:
        found.append(Step(finalizers=_finalizers(given["finalizers"], f"{path}.finalizers")))
    if _truth(given.get("delete"), f"{path}.delete"):
        found.append(Step(delete=True))
        return tuple(found)
    rows = _rows(given.get("patches") or (), f"{path}.patches")
    found += [Step(patch=_patch(row, f"{path}.patches[{place}]")) for place, row in enumerate(rows)]
    if given.get("statusTemplate"):
        template = _template(given["statusTemplate"], f"{path}.statusTemplate")
        subresource = _text(given.get("statusSubresource", "status"), f"{path}.statusSubresource")
        username = _username(given.get("statusPatchAs"), f"{path}.statusPatchAs")
        found.append(Step(patch=Patch(template, "status", subresource, username=username)))
    return tuple(found)


def _step(given: Any, path: str) -> Step:
    said = _mapping(given, path)
    _only(said, ("event", "finalizers", "delete", "patch", "apply"), path)
    return Step(
        note=None if said.get("event") is None else _note(said["event"], f"{path}.event"),
        finalizers=None if said.get("finalizers") is None else _finalizers(said["finalizers"], f"{path}.finalizers"),
        delete=_truth(said.get("delete"), f"{path}.delete"),
        patch=None if said.get("patch") is None else _patch(said["patch"], f"{path}.patch"),
        application=None if said.get("apply") is None else _application(said["apply"], f"{path}.apply"),
    )


def _note(given: Any, path: str) -> Note:
    said = _mapping(given, path)
    _only(said, ("type", "reason", "message"), path)
    sort = _text(said.get("type") or "Normal", f"{path}.type")
    if sort not in ("Normal", "Warning"):
        raise ReconcileError(f"{path}.type: must be Normal or Warning, not {sort!r}")
    message = _template(said.get("message") or "", f"{path}.message")
    return Note(sort, _text(said.get("reason") or "", f"{path}.reason"), message)


def _finalizers(given: Any, path: str) -> Finalizers:
    said = _mapping(given, path)
    _only(said, ("add", "remove", "empty"), path)
    named: dict[str, tuple[str, ...]] = {}
    for key in ("add", "remove"):
        rows = _rows(said.get(key) or (), f"{path}.{key}")
        items = [_mapping(row, f"{path}.{key}[{place}]") for place, row in enumerate(rows)]
        named[key] = tuple([_text(item.get("value"), f"{path}.{key}[{at}].value") for at, item in enumerate(items)])
    return Finalizers(named["add"], named["remove"], _truth(said.get("empty"), f"{path}.empty"))


def _patch(given: Any, path: str) -> Patch:
    said = _mapping(given, path)
    _only(said, ("subresource", "root", "template", "type", "impersonation"), path)
    sort = said.get("type") or ""
    if sort and sort not in _PATCHES:
        raise ReconcileError(f"{path}.type: must be one of {', '.join(_PATCHES)}, not {sort!r}")
    return Patch(
        template=_template(said.get("template") or "", f"{path}.template"),
        root=_text(said.get("root") or "", f"{path}.root"),
        subresource=_text(said.get("subresource") or "", f"{path}.subresource"),
        type=sort,
        username=_username(said.get("impersonation"), f"{path}.impersonation"),
    )


def _application(given: Any, path: str) -> Application:
    said = _mapping(given, path)
    _only(said, ("subresource", "template", "type", "impersonation"), path)
    sort: Any = said.get("type") or "apply"
    if sort not in _APPLICATIONS:
        raise ReconcileError(f"{path}.type: must be one of {', '.join(_APPLICATIONS)}, not {sort!r}")
    return Application(
        template=_template(said.get("template") or "", f"{path}.template"),
        subresource=_text(said.get("subresource") or "", f"{path}.subresource"),
        type=sort,
        username=_username(said.get("impersonation"), f"{path}.impersonation"),
    )


def _username(given: Any, path: str) -> str:
    """Read as whom something is sent; empty if nothing is said."""
    if given is None:
        return ""
    said = _mapping(given, path)
    _only(said, ("username",), path)
    name = _text(said.get("username"), f"{path}.username")
    if not name:
        raise ReconcileError(f"{path}.username: somebody must be named, not {name!r}")
    return name


def _template(given: Any, path: str) -> str:
    text = _text(given, path).strip()
    try:
        parsed(text, NAMES)
    except ReconcileError as error:
        raise ReconcileError(f"{path}: {error}") from None
    return text


# Configuration --------------------------------------------------------------------------------------------------------


def _settings(document: Mapping[str, Any], path: str) -> Settings:
    _only(document, ("apiVersion", "kind", "metadata", "options", "tracing", "status"), path)
    path = _in(path, "options")
    options = _mapping(document.get("options") or {}, path)
    _only(options, (*_OPTIONS, *_ITS_OWN), path)
    found: dict[str, Any] = {}
    for key, (field, sort) in _OPTIONS.items():
        value: Any = options.get(key)
        where = f"{path}.{key}"
        if value is None:
            continue
        if not isinstance(value, sort) or (sort is int and not _is_number(value)):
            raise ReconcileError(f"{where}: must be {_TYPES[sort]}, not {value!r}")
        if field in _SELECTORS:
            _check_selector(str(value), where)
        found[field] = value
    settings = Settings(**found)
    if settings.node_port > _MOST_PORT:
        raise ReconcileError(f"{path}.nodePort: must be 0 to {_MOST_PORT}, not {settings.node_port}")
    try:
        _ = settings.node_ip and ip_address(settings.node_ip)
    except ValueError:
        raise ReconcileError(f"{path}.nodeIP: must be an IP address, not {settings.node_ip!r}") from None
    try:
        ip_interface(settings.cidr)
    except ValueError:
        said = f"must be an address with its network, such as 10.0.0.1/24, not {settings.cidr!r}"
        raise ReconcileError(f"{path}.cidr: {said}") from None
    return settings


def _check_selector(text: str, path: str) -> None:
    try:
        selectors.parse_labels(text)
    except ReconcileError as error:
        raise ReconcileError(f"{path}: {error}") from None


# Parts ----------------------------------------------------------------------------------------------------------------


def _only(given: Mapping[str, Any], known: tuple[str, ...], path: str) -> None:
    for key in given:
        if key not in known:
            raise ReconcileError(f"{_in(path, key)}: there is no such field; known: {', '.join(known)}")


def _in(path: str, key: str) -> str:
    return f"{path}.{key}" if path else key


def _mapping(given: Any, path: str) -> Mapping[str, Any]:
    if not isinstance(given, Mapping):
        raise ReconcileError(f"{path}: must be a mapping, not {given!r}")
    return given


def _rows(given: Any, path: str) -> tuple[Any, ...] | list[Any]:
    if not isinstance(given, (list, tuple)):
        raise ReconcileError(f"{path}: must be a list, not {given!r}")
    return given


def _text(given: Any, path: str) -> str:
    if not isinstance(given, str):
        raise ReconcileError(f"{path}: must be text, not {given!r}")
    return given


def _texts(given: Any, path: str) -> Map[str]:
    said = _mapping(given or {}, path)
    return Map({key: _text(value, f"{path}[{key!r}]") for key, value in said.items()})


def _truth(given: Any, path: str) -> bool:
    if given is not None and not isinstance(given, bool):
        raise ReconcileError(f"{path}: must be true or false, not {given!r}")
    return bool(given)


def _number(given: Any, path: str) -> int:
    if given is None:
        return 0
    if not _is_number(given):
        raise ReconcileError(f"{path}: must be a whole number, 0 or more, not {given!r}")
    return int(given)


def _is_number(given: Any) -> bool:
    return isinstance(given, int) and not isinstance(given, bool) and 0 <= given <= _MOST
