"""
What a policy's expressions say of fields and types that the kinds it names do not have.

Takes:    a ValidatingAdmissionPolicy, and the CustomResourceDefinitions.
Gives:    the warnings of its status, an expression's for all kinds in one.
Source:   k8s.io/apiserver/pkg/admission/plugin/policy/validating/typechecking.go.
Left out: see docs/limits.md, "Controllers".
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final

from reconcile.api import convert, kinds
from reconcile.lib.cel.types import DYN, Library, Type, library, merged
from reconcile.model import cel, definitions
from reconcile.model.cel.admission import NAMESPACE, REQUEST, kept
from reconcile.model.cel.kinds import type_of_kind
from reconcile.model.cel.schemas import type_of_schema

_MOST_KINDS: Final = 10
_A: Final = "kubernetes.authorization.Authorizer"
_P: Final = "kubernetes.authorization.PathCheck"
_G: Final = "kubernetes.authorization.GroupCheck"
_R: Final = "kubernetes.authorization.ResourceCheck"
_D: Final = "kubernetes.authorization.Decision"
_SIGNATURES: Final = f"""\
->{_A}.path(string) {_P}
->{_A}.group(string) {_G}
->{_A}.serviceAccount(string, string) {_A}
->{_G}.resource(string) {_R}
->{_R}.subresource(string) {_R}
->{_R}.namespace(string) {_R}
->{_R}.name(string) {_R}
->{_R}.fieldSelector(string) {_R}
->{_R}.labelSelector(string) {_R}
->{_R}.check(string) {_D}
->{_P}.check(string) {_D}
->{_D}.allowed() bool
->{_D}.reason() string
->{_D}.errored() bool
->{_D}.error() string"""


def _unasked(*_: Any) -> Any:
    raise AssertionError("what is checked is not computed")


_FUNCTIONS: Final[Library] = merged(cel.KUBERNETES, library((_SIGNATURES, _unasked)))
_FIXED: Final = {
    "request": REQUEST,
    "namespaceObject": NAMESPACE,
    "authorizer": Type(_A),  # its field requestResource is not declared there, and is warned of
}


def warnings_of(policy: Any, now: int, crds: Iterable[Any] = ()) -> list[dict[str, str]]:
    """
    Give the `expressionWarnings` of a policy: of its validations' expressions and messages.

    Args:
        policy: a ValidatingAdmissionPolicy.
        now: the instant, in nanoseconds: objects' types are named by the kind and what it is past a whole second.
        crds: the CustomResourceDefinitions.
    """
    custom = _Customs(crds)
    checked = kinds_checked(policy.spec, custom.resources)
    scopes = [(resource, _scope(policy.spec, resource, now % 10**9, custom)) for resource in checked]
    found = []
    for place, validation in enumerate(policy.spec.validations or ()):
        for field, text in (
            ("expression", validation.expression),
            ("messageExpression", validation.message_expression),
        ):
            said = [
                f"{resource.group}/{resource.version}, Kind={resource.kind}: {errors}\n"
                for resource, scope in scopes
                if text and (errors := cel.compile_errors(text, scope, _FUNCTIONS))
            ]
            if said:
                found.append({"fieldRef": f"spec.validations[{place}].{field}", "warning": "\n".join(said)})
    return found


class _Customs:
    """What definitions establish: the resources that are served, and the schema of each."""

    def __init__(self, crds: Iterable[Any]) -> None:
        self._schemas: dict[tuple[str, str], Any] = {}
        found: list[kinds.Resource] = []
        for crd in crds:
            if definitions.is_established(crd):
                versions = {version.name: version for version in crd.spec.versions}
                for resource in definitions.resources_of(crd):
                    found.append(resource)
                    self._schemas[resource.api_version, resource.kind] = versions[resource.version].schema
        self.resources = tuple(found)

    def type_of(self, api_version: str, kind: str, name: str) -> Type | None:
        """Give the type of a custom kind; None if there is none."""
        if (api_version, kind) not in self._schemas:
            return None
        said = self._schemas[api_version, kind]
        schema = None if said is None else said.open_api_v3_schema
        return type_of_schema({} if schema is None else convert.dump(schema), name)


def kinds_checked(spec: Any, custom: tuple[kinds.Resource, ...] = ()) -> list[kinds.Resource]:
    """Give the kinds that a policy's rules name without wildcards, ten at most, by group, version and kind."""
    found: dict[tuple[str, str, str], kinds.Resource] = {}
    for rule in (spec.match_constraints.resource_rules if spec.match_constraints is not None else None) or ():
        for count, resource in enumerate(_named(rule, custom), 1):
            found.setdefault((resource.group, resource.version, resource.kind), resource)
            if count == _MOST_KINDS:
                return [found[key] for key in sorted(found)]
    return [found[key] for key in sorted(found)]


def _named(rule: Any, custom: tuple[kinds.Resource, ...]) -> Iterator[kinds.Resource]:
    groups, versions = sorted(rule.api_groups or ()), sorted(rule.api_versions or ())
    if any("*" in word for word in (*groups, *versions)):
        return
    words = sorted([word for word in rule.resources or () if "*" not in word and "/" not in word])
    for group in groups:
        for version in versions:
            for word in words:
                # A REST mapper takes no group for any group, and a resource's name in the singular too.
                for resource in (*kinds.all_resources(), *custom):
                    if (
                        group in ("", resource.group)
                        and version == resource.version
                        and word.lower() in (resource.plural, resource.singular)
                    ):
                        yield resource


def _scope(spec: Any, resource: kinds.Resource, mark: int, custom: _Customs) -> dict[str, Type]:
    """Give the types of the variables where the object is one of *resource*."""
    kind = _type(resource.api_version, resource.kind, mark, custom)
    scope = {**_FIXED, "object": kind, "oldObject": kind}
    asked = spec.param_kind
    if asked is not None and (asked.api_version or asked.kind):
        scope["params"] = _type(asked.api_version or "", asked.kind or "", mark, custom)
    named: dict[str, Type] = {}
    scope["variables"] = Type("kubernetes.variables", fields=named)
    for variable in spec.variables or ():
        program = cel.compiled(variable.expression, scope, _FUNCTIONS)
        named[variable.name] = DYN if program.errors else kept(program.result)
    return scope


def _type(api_version: str, kind: str, mark: int, custom: _Customs) -> Type:
    cls = kinds.class_for(api_version, kind)
    if cls is not None:
        return type_of_kind(cls, f"{kind}{mark}")
    return custom.type_of(api_version, kind, f"{kind}{mark}") or DYN
