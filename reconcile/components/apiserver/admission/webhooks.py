"""
MutatingAdmissionWebhook, ValidatingAdmissionWebhook: what webhooks make of a write, and whether they let it be.

Those that change it are asked one after the other, by the names of their configurations; those that judge it all at
once. Where no webhook is called (Topology(webhooks=False)), each is what it is to an API server that cannot reach it,
and its failurePolicy decides.

Source:   the admission plugins of these names (apiserver/pkg/admission/plugin/webhook).
Left out: see docs/limits.md, "API server".
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import attrs

from reconcile.components.apiserver import calling
from reconcile.components.apiserver.admission import matching, reviews
from reconcile.components.apiserver.admission.expressions import evaluated, scope_of
from reconcile.components.apiserver.admission.mutating import Again, patched
from reconcile.components.apiserver.calling import CallFailed, Wanted
from reconcile.components.apiserver.refusals import Refusal
from reconcile.components.apiserver.state import Ask
from reconcile.events import WebhookAnswered
from reconcile.lib.cel import CelError
from reconcile.lib.digest import canonical
from reconcile.model import statuses

MUTATING: Final = f"mutatingwebhookconfigurations.{matching.GROUP}"
VALIDATING: Final = f"validatingwebhookconfigurations.{matching.GROUP}"
_SECONDS: Final = 10
_REVIEW: Final = "admission.k8s.io/{}, Kind=AdmissionReview"
_FAILED_OPEN: Final = "failed-open.{}.webhook.admission.k8s.io/round_{}_index_{}"
_MUTATION: Final = "mutation.webhook.admission.k8s.io/round_{}_index_{}"
_PATCH: Final = "patch.webhook.admission.k8s.io/round_{}_index_{}"


@attrs.frozen
class _Hook:
    """One webhook that is asked about a write, by whose configuration, and where the write is to it."""

    configuration: str
    webhook: Any
    place: matching.Place
    index: int

    @property
    def uid(self) -> str:
        """What tells the webhook from all others."""
        return f"{self.configuration}/{self.index}/{self.webhook.name}"

    @property
    def lenient(self) -> bool:
        """Whether a call that fails lets the write be."""
        return bool(self.webhook.failure_policy == "Ignore")


def mutate(ask: Ask, new: Any, old: Any, again: Again) -> Any:
    """Give an object with what webhooks make of it."""
    if matching.is_exempt(ask) or "MutatingAdmissionWebhook" in ask.state.disabled:
        return new
    again.enter(new)
    for index, (configuration, webhook) in enumerate(_webhooks(ask, MUTATING)):
        hook = _invoked(ask, configuration, webhook, index, new, old)
        if hook is None or again.skips(hook.uid):
            continue
        after = _mutated(ask, hook, new, old, again)
        changed = after is not new
        _note(ask, _MUTATION.format(again.round, index), _said(hook, mutated=changed))
        new = after
        if changed:
            again.require()
        if webhook.reinvocation_policy == "IfNeeded":
            again.asked(hook.uid)
    again.leave(new)
    return new


def validate(ask: Ask, new: Any, old: Any) -> None:
    """Refuse a write that a webhook does not allow, or that one must be asked about that cannot be."""
    if matching.is_exempt(ask) or "ValidatingAdmissionWebhook" in ask.state.disabled:
        return
    found = [
        _invoked(ask, configuration, webhook, index, new, old)
        for index, (configuration, webhook) in enumerate(_webhooks(ask, VALIDATING))
    ]
    hooks = [hook for hook in found if hook is not None]
    errors: list[Refusal] = []
    asked: list[tuple[int, _Hook, Wanted]] = []
    for place, hook in enumerate(hooks):
        try:
            asked.append((place, hook, _wanted(ask, hook, new, old)))
        except CallFailed as failure:
            errors += _failed(ask, hook, failure, _FAILED_OPEN.format("validating", 0, place))
        except Refusal as refusal:
            errors.append(refusal)
    answers = calling.answers(ask, [each for _, _, each in asked])
    for (place, hook, wanted), answer in zip(asked, answers, strict=True):
        try:
            _verdict(ask, hook, wanted, answer, mutating=False)
        except CallFailed as failure:
            errors += _failed(ask, hook, failure, _FAILED_OPEN.format("validating", 0, place))
        except Refusal as refusal:
            errors.append(refusal)
    if errors:
        raise errors[0]


def _webhooks(ask: Ask, resource: str) -> Iterator[tuple[str, Any]]:
    """Give every webhook with its configuration's name, in the order of these."""
    for configuration in ask.store.table(resource).values():
        for webhook in configuration.webhooks or ():
            yield configuration.metadata.name, webhook


def _invoked(  # noqa: PLR0917 -- what there is at hand of a write
    ask: Ask, configuration: str, webhook: Any, index: int, new: Any, old: Any
) -> _Hook | None:
    """Give a webhook as it is to be asked; None if it has nothing to do with the write."""
    if not matching.selects(ask, webhook, new, old):
        return None
    operation = matching.operation_of(new, old)
    place = matching.place(ask, webhook.rules, operation, webhook.match_policy)
    if place is None or not _conditions(ask, webhook, place, new, old):
        return None
    return _Hook(configuration, webhook, place, index)


def _conditions(ask: Ask, webhook: Any, place: matching.Place, new: Any, old: Any) -> bool:
    """Tell whether the matchConditions want the write asked about; one that says no counts more than errors."""
    if not webhook.match_conditions:
        return True
    scope, errors = scope_of(ask, new, old, place), []
    for condition in webhook.match_conditions:
        try:
            if evaluated(condition.expression, scope) is not True:
                return False
        except CelError as error:
            errors.append(str(error))
    if not errors:
        return True
    if webhook.failure_policy == "Ignore":
        return False
    metadata = (new if new is not None else old).metadata
    name = ask.request.name or (metadata.name if metadata is not None else "") or ""
    said = errors[0] if len(errors) == 1 else f"[{', '.join(errors)}]"
    raise Refusal(statuses.forbidden(ask.request.resource, name, said))


def _mutated(ask: Ask, hook: _Hook, new: Any, old: Any, again: Again) -> Any:
    """Give what one webhook makes of an object: itself if that is nothing."""
    try:
        wanted = _wanted(ask, hook, new, old)
        (answer,) = calling.answers(ask, (wanted,))
        verdict = _verdict(ask, hook, wanted, answer, mutating=True)
    except CallFailed as failure:
        errors = _failed(ask, hook, failure, _FAILED_OPEN.format("mutation", again.round, hook.index))
        if errors:
            raise errors[0] from None
        return new
    if verdict.patch is None:
        return new
    if new is None:
        said = "attempted to modify the object, which is not supported for this operation"
        raise Refusal(statuses.internal(f'admission webhook "{hook.webhook.name}" {said}'))
    said = _said(hook, patch=verdict.patch, patchType="JSONPatch")
    _note(ask, _PATCH.format(again.round, hook.index), said)
    return patched(ask, new, verdict.patch, hook.place)


def _wanted(ask: Ask, hook: _Hook, new: Any, old: Any) -> Wanted:
    """Say what a webhook is to be asked; it may not be asked of what is only tried, unless that has no side effects."""
    webhook = hook.webhook
    if ask.request.dry_run and webhook.side_effects not in ("None", "NoneOnDryRun"):
        raise Refusal(statuses.bad_request(f'admission webhook "{webhook.name}" does not support dry run'))
    version = _version(webhook)
    review = reviews.review(ask, version, hook.place, new, old)
    return calling.wanted(ask.dice, hook.uid, webhook.client_config, webhook.timeout_seconds or _SECONDS, review)


def _version(webhook: Any) -> str:
    for version in webhook.admission_review_versions or ():
        if version in reviews.KNOWN:
            return str(version)
    said = "webhook does not accept known AdmissionReview versions (v1, v1beta1)"
    raise CallFailed(f"could not create admission objects: {said}")


def _verdict(ask: Ask, hook: _Hook, wanted: Wanted, answer: WebhookAnswered, *, mutating: bool) -> reviews.Verdict:
    """Give what a webhook says; refuse what it does not allow; raise CallFailed if it says nothing that is known."""
    webhook = hook.webhook
    version = _version(webhook)
    try:
        content = calling.content(ask.store, wanted, answer, _REVIEW.format(version))
    except CallFailed as failure:
        raise CallFailed(f"failed to call webhook: {failure}") from None
    verdict = reviews.verdict(wanted.call.call, version, content, mutating=mutating)
    for key, value in verdict.annotations.items():
        _note(ask, f"{webhook.name}/{key}", value)
    if ask.notes is not None:
        ask.notes.warnings += verdict.warnings
    if not verdict.allowed:
        raise Refusal(reviews.denied(webhook.name, verdict.status))
    return verdict


def _failed(ask: Ask, hook: _Hook, failure: CallFailed, note: str) -> list[Refusal]:
    """Give the refusal that a failed call comes to: none if the webhook's failurePolicy is to ignore that."""
    if hook.lenient:
        _note(ask, note, hook.webhook.name)
        return []
    return [Refusal(statuses.internal(f'failed calling webhook "{hook.webhook.name}": {failure}'))]


def _said(hook: _Hook, **more: Any) -> str:
    return canonical({"configuration": hook.configuration, "webhook": hook.webhook.name, **more})


def _note(ask: Ask, key: str, value: str) -> None:
    if ask.notes is not None:
        ask.notes.annotations.setdefault(key, value)
