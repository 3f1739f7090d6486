"""
Credentials: what a pod's pull secrets say, and to which images that are there they give access.

The secrets of a pod are read when it starts, when a pull fails, and, as long as one is missing, once a minute or so;
what was read last counts. How images were pulled is noted by their runtime, and outlives the kubelet.

Takes:    answers to its reads, the timer `secrets`.
Gives:    Call, SetTimer, Record.
Source:   the kubelet's getPullSecretsForPod; images/pullmanager, feature gate KubeletEnsureSecretPulledImages.
Left out: see docs/limits.md, "Kubelet".
"""

from __future__ import annotations

from typing import Any, Final

import attrs

from reconcile.components.kubelet.awaited import Secrets
from reconcile.components.kubelet.state import LocalPod, State, with_seldom
from reconcile.effects import Call, Effect, PullImage, Record, SetTimer
from reconcile.lib.instant import SECOND, Instant
from reconcile.lib.mapping import Map
from reconcile.lib.quick import quick
from reconcile.lib.replacing import replace
from reconcile.model.kubelets import ALLOWLISTED, settings_of
from reconcile.model.pods.images import repository_of
from reconcile.model.pods.pullsecrets import Login, digest, logins_of
from reconcile.model.requests import Request, Response

RESOURCE: Final = "secrets"


@quick
@attrs.frozen(weakref_slot=False)
class Key:
    """A login that a pod has, and the Secret that it is from: its uid."""

    login: Login
    secret: str


def read(state: State, pod: LocalPod, found: Any, now: Instant, out: list[Effect]) -> State:
    """Remember what was answered about the pod's secrets, by `secrets/NAME`; say what is missing, if anything is."""
    names = _names(pod)
    if not names:
        return state
    secrets = Map([(name, found[f"{RESOURCE}/{name}"].body) for name in names if found[f"{RESOURCE}/{name}"].ok])
    missing = [name for name in names if name not in secrets]
    if missing:
        said = (
            f"Unable to retrieve some image pull secrets ({', '.join(missing)}); attempting to pull the image may not "
            "succeed."
        )
        out += (
            Record(pod.pod, "Warning", "FailedToRetrieveImagePullSecret", said),
            SetTimer((RESOURCE, pod.uid), now + _wait(state, pod, now), periodic=True),
        )
    return with_seldom(state, secrets=state.seldom.secrets.set(pod.uid, Secrets(known=secrets)))


def _wait(state: State, pod: LocalPod, now: Instant) -> int:
    """Give how long after it has looked at a pod a kubelet does so again: a minute, and by chance half of one more."""
    every = settings_of(state.host.kubelet).sync_every
    most = max(every // SECOND // 2, 1)
    return every + state.seldom.dice.named(f"{pod.uid}/sync/{now}").below(most)[0] * SECOND


def ask(state: State, pod: LocalPod, out: list[Effect]) -> State:
    """Read the pod's secrets again, if it has any."""
    names = _names(pod)
    if not names:
        return state
    known = state.seldom.secrets.get(pod.uid) or Secrets()
    if known.asked:
        return state
    namespace = pod.key.partition("/")[0]
    out += [
        Call(Request(verb="get", resource=RESOURCE, namespace=namespace, name=name), ("secret", pod.uid, name))
        for name in names
    ]
    return with_seldom(state, secrets=state.seldom.secrets.set(pod.uid, replace(known, asked=names, found=Map())))


def answered(state: State, pod: LocalPod, answer: dict[str, Response], now: Instant, out: list[Effect]) -> State:
    """Take the answer about one secret in, by its name."""
    known = state.seldom.secrets.get(pod.uid)
    if known is None or not set(known.asked).issuperset(answer):
        return state
    found = known.found.merge({f"{RESOURCE}/{name}": response for name, response in answer.items()})
    if len(found) == len(known.asked):
        return read(state, pod, found, now, out)
    return with_seldom(state, secrets=state.seldom.secrets.set(pod.uid, replace(known, found=found)))


def keys_of(state: State, pod: LocalPod, image: str) -> tuple[Key, ...]:
    """Give the logins that a pod has for an image, in the order in which they are tried."""
    known = state.seldom.secrets.get(pod.uid)
    if known is None:
        return ()
    made = [
        Key(login, secret.metadata.uid)
        for name in _names(pod)
        if (secret := known.known.get(name)) is not None
        for login in logins_of(secret, image)
    ]
    return tuple(made)


def with_logins(state: State, pod: LocalPod, order: PullImage) -> PullImage:
    """Give the order to pull an image with the logins that the pod has for it."""
    keys = keys_of(state, pod, order.image)
    return replace(order, logins=tuple([key.login for key in keys])) if keys else order


def _names(pod: LocalPod) -> tuple[str, ...]:
    spec: Any = pod.pod.spec
    rows = [row.name for row in spec.image_pull_secrets or () if row.name]
    return () if pod.static else tuple(dict.fromkeys(rows))


def may_use(state: State, pod: LocalPod, image: str) -> bool:
    """Tell whether a pod may use an image that is there without pulling it anew."""
    noted = state.seldom.pulled.get(image)
    if not _is_asked(state, image, known=noted is not None):
        return True
    if not noted:
        return noted is not None  # whoever is here may use it, or it is not known how it came
    return any(digest(key.login) in noted or key.secret in noted for key in keys_of(state, pod, image))


_UNKNOWN: Final = ("unknown",)


def _is_asked(state: State, image: str, *, known: bool) -> bool:
    settings = settings_of(state.host.kubelet)
    match settings.verification:
        case "NeverVerify" | "":
            return False
        case "NeverVerifyPreloadedImages":
            return known
        case policy:
            repository = image.partition("@")[0]
            head, slash, tail = repository.rpartition("/")
            names = (head + slash + tail.partition(":")[0], repository_of(image))
            return policy != ALLOWLISTED or not any(_fits(each, names) for each in settings.unverified)


def _fits(pattern: str, names: tuple[str, str]) -> bool:
    return any(name == pattern or (pattern.endswith("/*") and name.startswith(pattern[:-1])) for name in names)


def noted(state: State, pod: LocalPod | None, image: str, login: int) -> State:
    """Note how an image was pulled, if with a login, or if that was noted before, or the kubelet goes by it."""
    known = state.seldom.pulled.get(image)
    settings = settings_of(state.host.kubelet)
    marks: tuple[str, ...] = ()
    if login:
        keys = () if pod is None else keys_of(state, pod, image)
        key = keys[login - 1] if login <= len(keys) else None
        marks = _UNKNOWN if key is None else (digest(key.login), key.secret)
        if known is not None:
            marks = tuple(dict.fromkeys((*known, *marks))) if known else ()
    elif known is None and settings.verification in {"", "NeverVerify", "NeverVerifyPreloadedImages"}:
        return state
    return with_seldom(state, pulled=state.seldom.pulled.set(image, marks))
