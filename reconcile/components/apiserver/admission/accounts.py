"""
ServiceAccount: every pod runs as an account of its namespace, and finds the account's token in its containers.

What a pod gets is a function of its specification, of the account and of one drawn name. A specification that comes
from a template is the template's own object, so all but the name is found out once for a template.

Source:   the admission plugin of this name.
Left out: nothing known.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Final

from reconcile.api import core_v1
from reconcile.components.apiserver.access import authorising
from reconcile.components.apiserver.memo import Same
from reconcile.components.apiserver.refusals import Refusal
from reconcile.components.apiserver.state import Ask, drawing
from reconcile.lib.instant import SECOND, Duration
from reconcile.lib.replacing import replace
from reconcile.model import statuses

MIRROR: Final = "kubernetes.io/config.mirror"
DEFAULT: Final = "default"
VOLUME: Final = "kube-api-access-"
ROOT_CA: Final = "kube-root-ca.crt"
_ENFORCED: Final = "kubernetes.io/enforce-mountable-secrets"
_PATH: Final = "/var/run/secrets/kubernetes.io/serviceaccount"
_LASTS: Final = 3607  # seconds: an hour, and what tells such a token from one that was asked for
_MODE: Final = 0o644
# The default account comes with its namespace, a moment later: upstream asks ten times, 100 to 200 ms apart.
_COMES_WITHIN: Final[Duration] = 2 * SECOND
_TRUE: Final = ("1", "t", "T", "TRUE", "true", "True")
_UNSAID: Final = core_v1.ServiceAccount()

_TOKEN: Final = core_v1.ProjectedVolumeSource(
    default_mode=_MODE,
    sources=(
        core_v1.VolumeProjection(
            service_account_token=core_v1.ServiceAccountTokenProjection(path="token", expiration_seconds=_LASTS)
        ),
        core_v1.VolumeProjection(
            config_map=core_v1.ConfigMapProjection(
                name=ROOT_CA, items=(core_v1.KeyToPath(key="ca.crt", path="ca.crt"),)
            )
        ),
        core_v1.VolumeProjection(
            downward_api=core_v1.DownwardAPIProjection(
                items=(
                    core_v1.DownwardAPIVolumeFile(
                        path="namespace",
                        field_ref=core_v1.ObjectFieldSelector(api_version="v1", field_path="metadata.namespace"),
                    ),
                )
            )
        ),
    ),
)


def account_of(ask: Ask, spec: core_v1.PodSpec, name: str) -> core_v1.ServiceAccount:
    """Give the account that a new pod called *name* runs as; refuse one that is not there."""
    wanted = spec.service_account_name or DEFAULT
    namespace = ask.request.namespace
    found: core_v1.ServiceAccount | None = ask.store.get("serviceaccounts", f"{namespace}/{wanted}")
    if found is not None:
        return found
    if wanted == DEFAULT and _is_new(ask, namespace):
        return _UNSAID
    why = f'error looking up service account {namespace}/{wanted}: serviceaccount "{wanted}" not found'
    raise Refusal(statuses.forbidden("pods", name, why))


def _is_new(ask: Ask, namespace: str) -> bool:
    found = ask.store.get("namespaces", namespace)
    return found is not None and ask.now - found.metadata.creation_timestamp.instant < _COMES_WITHIN


def with_account(ask: Ask, spec: core_v1.PodSpec, account: core_v1.ServiceAccount, name: str) -> core_v1.PodSpec:
    """Give the specification of a new pod called *name* with what its account brings."""
    mounted = _without_name(Same(spec), Same(account))
    if mounted is not spec:
        suffix, _ = drawing(ask, "account").suffix()
        mounted = _named(mounted, VOLUME + suffix)
    if not mounted.image_pull_secrets and account.image_pull_secrets:
        mounted = replace(mounted, image_pull_secrets=account.image_pull_secrets)
    if _is_strict(account):
        why = _unreferenced(mounted, account)
        if why:
            raise Refusal(statuses.forbidden("pods", name, why))
    return mounted


def check_debugging(ask: Ask, pod: core_v1.Pod) -> None:
    """Refuse containers for debugging that refer to secrets which their pod's account does not list, if that counts."""
    if not ask.state.accounts or pod.spec is None or pod.metadata is None:
        return
    name = pod.metadata.name or ""
    if not pod.spec.service_account_name:
        why = f"no service account specified for pod {ask.request.namespace}/{name}"
        raise Refusal(statuses.forbidden("pods", name, why))
    account = account_of(ask, pod.spec, name)
    listed = {reference.name for reference in account.secrets or ()}
    for container in (pod.spec.ephemeral_containers or ()) if _is_strict(account) else ():
        said = _unlisted(container, listed, "ephemeral container")
        if said:
            raise Refusal(statuses.forbidden("pods", name, f"{said} {_not_listed(account)} secret"))


def _is_strict(account: core_v1.ServiceAccount) -> bool:
    """Tell whether pods of the account may refer to no secrets but those that it lists."""
    annotations = account.metadata.annotations if account.metadata is not None else None
    return annotations is not None and annotations.get(_ENFORCED) in _TRUE


def _not_listed(account: Any) -> str:
    return f"is not allowed because service account {account.metadata.name} does not reference that"


def check_mirror(spec: core_v1.PodSpec, name: str) -> None:
    """Refuse a mirror pod that refers to an account or to secrets: it stands for what needs neither."""
    why = ""
    if spec.service_account_name:
        why = "a mirror pod may not reference service accounts"
    elif authorising.references(spec, "secrets"):
        why = "a mirror pod may not reference secrets"
    else:
        for volume in spec.volumes or ():
            for source in (volume.projected.sources if volume.projected is not None else None) or ():
                if source.service_account_token is not None:
                    why = "a mirror pod may not use ServiceAccountToken volume projections"
    if why:
        raise Refusal(statuses.forbidden("pods", name, why))


@lru_cache(maxsize=4096)
def _without_name(spec: Same, account: Same) -> core_v1.PodSpec:
    """Give the specification with the token's volume, called by the prefix alone; the same object if it needs none."""
    given: core_v1.PodSpec = spec.value
    automount = given.automount_service_account_token
    if automount is None:
        automount = account.value.automount_service_account_token
    if automount is False:
        return given
    there = [volume.name for volume in given.volumes or () if volume.name.startswith(VOLUME)]
    mount = core_v1.VolumeMount(name=there[0] if there else VOLUME, read_only=True, mount_path=_PATH)
    inits = _mounting(given.init_containers or (), mount)
    containers = _mounting(given.containers, mount)
    if inits == (given.init_containers or ()) and containers == given.containers:
        return given
    volumes = given.volumes
    if not there:
        volumes = (*(volumes or ()), core_v1.Volume(name=VOLUME, projected=_TOKEN))
    return replace(given, init_containers=inits or given.init_containers, containers=containers, volumes=volumes)


def _mounting(containers: tuple[core_v1.Container, ...], mount: core_v1.VolumeMount) -> tuple[core_v1.Container, ...]:
    # What is mounted at the path already stays there.
    return tuple(
        [
            container
            if any(each.mount_path == _PATH for each in container.volume_mounts or ())
            else replace(container, volume_mounts=(*(container.volume_mounts or ()), mount))
            for container in containers
        ]
    )


def _named(spec: core_v1.PodSpec, name: str) -> core_v1.PodSpec:
    """Give the specification with the volume that is called by the prefix alone, and its mounts, called *name*."""
    volumes = spec.volumes or ()
    if not volumes or volumes[-1].name != VOLUME:
        return spec
    mount = core_v1.VolumeMount(name=name, read_only=True, mount_path=_PATH)
    return replace(
        spec,
        volumes=(*volumes[:-1], replace(volumes[-1], name=name)),
        containers=_renamed(spec.containers, mount),
        init_containers=_renamed(spec.init_containers, mount) if spec.init_containers else spec.init_containers,
    )


def _renamed(containers: tuple[core_v1.Container, ...], mount: core_v1.VolumeMount) -> tuple[core_v1.Container, ...]:
    return tuple(
        [
            replace(container, volume_mounts=(*container.volume_mounts[:-1], mount))
            if container.volume_mounts and container.volume_mounts[-1].name == VOLUME
            else container
            for container in containers
        ]
    )


def _unreferenced(spec: core_v1.PodSpec, account: Any) -> str:
    """Say which secret the pod refers to that its account does not list; empty if there is none."""
    listed = {reference.name for reference in account.secrets or ()}
    which = _not_listed(account)
    for volume in spec.volumes or ():
        if volume.secret is not None and volume.secret.secret_name not in listed:
            return f'volume with secret.secretName="{volume.secret.secret_name}" {which} secret'
    for what, containers in (("init container", spec.init_containers), ("container", spec.containers)):
        for container in containers or ():
            said = _unlisted(container, listed, what)
            if said:
                return f"{said} {which} secret"
    pulls = {reference.name for reference in account.image_pull_secrets or ()}
    for place, reference in enumerate(spec.image_pull_secrets or ()):
        if reference.name not in pulls:
            return f'imagePullSecrets[{place}].name="{reference.name}" {which} imagePullSecret'
    return ""


def _unlisted(container: Any, listed: set[str | None], what: str) -> str:
    """Say by which part of its environment a container refers to a secret that is not *listed*."""
    for variable in container.env or ():
        reference = variable.value_from.secret_key_ref if variable.value_from is not None else None
        if reference is not None and reference.name not in listed:
            return (
                f'{what} {container.name} with envVar {variable.name} referencing secret.secretName="{reference.name}"'
            )
    for source in container.env_from or ():
        if source.secret_ref is not None and source.secret_ref.name not in listed:
            return f'{what} {container.name} with envFrom referencing secret.secretName="{source.secret_ref.name}"'
    return ""
