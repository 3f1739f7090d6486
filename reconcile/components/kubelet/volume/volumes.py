"""
Volumes of a pod: what they are made of, and what is wrong with it, each kind of volume in its way.

Takes:    a pod, and what the API server answered about what its volumes name.
Gives:    names to ask for; faults, none if every volume can be mounted.
Source:   the kubelet's desired state of world populator; pkg/volume's plugins configmap, secret, projected, csi;
          the messages are theirs.
Left out: see docs/limits.md, "Kubelet".
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

import attrs

from reconcile.components.kubelet.admission.admission import suits
from reconcile.components.kubelet.container import environment
from reconcile.components.kubelet.container.environment import why_missing
from reconcile.components.kubelet.state import LocalPod, State
from reconcile.components.kubelet.volume import holding
from reconcile.lib.quick import quick
from reconcile.lib.replacing import replace
from reconcile.model.drivers import Driver, Operation
from reconcile.model.pods.volumes import CLAIM_PROTECTION, CLAIMS, VOLUMES, claim_of, claims_of, is_of, mode_of
from reconcile.model.requests import Response

CONFIG_MAPS: Final = "configmaps"
SECRETS: Final = "secrets"
TOKENS: Final = "serviceaccounts"
BUNDLES: Final = "clustertrustbundles.certificates.k8s.io"
DRIVERS: Final = "csidrivers.storage.k8s.io"
CLUSTER_WIDE: Final = (VOLUMES, BUNDLES, DRIVERS)

Answers = Mapping[str, Response]
"""By `RESOURCE/NAME`; of a token `serviceaccounts/NAME?SECONDS&AUDIENCE`."""

_NOT_FOUND: Final = 404
_SET_UP: Final = "MountVolume.SetUp"


@quick
@attrs.frozen(weakref_slot=False)
class Fault:
    """
    Why a volume is not mounted.

    Args:
        volume: its name: of one that a claim stands for, the PersistentVolume's, once that is known.
        why: in the kubelet's words; empty for what it waits for without a word.
        step: what failed.
        of_claim: its claim cannot be used: it is not known what to mount.
        operation: what its driver failed to do.
    """

    volume: str
    why: str
    step: str = _SET_UP
    of_claim: bool = False
    operation: str = ""

    @property
    def tried(self) -> str:
        """The name by which it is counted how often its driver has failed."""
        return f"{self.operation}/{self.volume}"


def needs_driver(pod: LocalPod) -> bool:
    """Tell whether a volume of the pod is made by a CSI driver for it alone."""
    spec: Any = pod.pod.spec
    return any(volume.csi is not None for volume in spec.volumes or ())


def named_by(pod: LocalPod) -> tuple[str, ...]:
    """Name what the pod's volumes are made of, and its pull secrets."""
    spec: Any = pod.pod.spec
    found: list[str] = []
    for volume in spec.volumes or ():
        found += named_in(spec, volume)
    found += [f"{CLAIMS}/{name}" for name in claims_of(pod.pod)]
    found += [f"{SECRETS}/{row.name}" for row in spec.image_pull_secrets or () if row.name]
    return tuple(dict.fromkeys(found))


def named_in(spec: Any, volume: Any) -> list[str]:
    """Name what one volume is made of, beside claims."""
    if volume.config_map is not None:
        return [f"{CONFIG_MAPS}/{volume.config_map.name or ''}"]
    if volume.secret is not None:
        return [f"{SECRETS}/{volume.secret.secret_name or ''}"]
    if volume.projected is not None:
        return [key for source in volume.projected.sources or () for key in _named_by_source(spec, source)]
    if volume.csi is not None and volume.csi.node_publish_secret_ref is not None:
        return [f"{SECRETS}/{volume.csi.node_publish_secret_ref.name or ''}"]
    return []


def _named_by_source(spec: Any, source: Any) -> list[str]:
    if source.config_map is not None:
        return [f"{CONFIG_MAPS}/{source.config_map.name or ''}"]
    if source.secret is not None:
        return [f"{SECRETS}/{source.secret.name or ''}"]
    if source.service_account_token is not None:
        return [token_of(spec, source.service_account_token)]
    bundle = source.cluster_trust_bundle
    return [f"{BUNDLES}/{bundle.name}"] if bundle is not None and bundle.name else []


def token_of(spec: Any, source: Any) -> str:
    """Name the token that a volume asks for."""
    account = spec.service_account_name or "default"
    return f"{TOKENS}/{account}?{source.expiration_seconds or ''}&{source.audience or ''}"


def named_further(answers: Answers) -> tuple[str, ...]:
    """Name what is known to be needed only now: the volumes of claims, the drivers of volumes."""
    found: list[str] = []
    for key, response in answers.items():
        resource = key.partition("/")[0]
        if not response.ok or resource not in {CLAIMS, VOLUMES}:
            continue
        spec = response.body.spec
        if resource == CLAIMS and _why_unbound(response.body) == "":
            found.append(f"{VOLUMES}/{spec.volume_name}")
        elif resource == VOLUMES and spec.csi is not None:
            found.append(f"{DRIVERS}/{spec.csi.driver}")
    return tuple(dict.fromkeys(found))


def faults_of(state: State, pod: LocalPod, answers: Answers, failures: Mapping[str, int]) -> tuple[Fault, ...]:
    """Say what keeps each of the pod's volumes from being mounted; *failures* are those of drivers so far."""
    spec: Any = pod.pod.spec
    found = [fault for volume in spec.volumes or () for fault in faults_in(state, pod, volume, answers, failures)]
    return tuple(found)


def faults_in(
    state: State, pod: LocalPod, volume: Any, answers: Answers, failures: Mapping[str, int]
) -> Iterator[Fault]:
    """Say what keeps one volume from being mounted."""
    if volume.config_map is not None:
        why = _held(f"{CONFIG_MAPS}/{volume.config_map.name or ''}", volume.config_map, answers)
    elif volume.secret is not None:
        why = _held(f"{SECRETS}/{volume.secret.secret_name or ''}", volume.secret, answers)
    elif volume.projected is not None:
        whys = [_projected(state, pod, source, answers) for source in volume.projected.sources or ()]
        why = _together([each for each in whys if each])
    elif volume.downward_api is not None:
        whys = [_downward(state, pod, row) for row in volume.downward_api.items or ()]
        why = _together([each for each in whys if each])
    elif volume.csi is not None:
        why = _inline(state, pod, volume.csi, answers)
        driver = _driver(state, volume.csi.driver)
        fault = None if why or driver is None else _failing(driver, volume.name, ("publish",), failures)
        if fault is not None:
            yield fault
    elif claim_of(pod.pod, volume):
        fault = _claimed(state, pod, volume, answers, failures)
        if fault is not None:
            yield fault
        return
    else:
        return
    if why:
        yield Fault(volume.name, why)


def _together(whys: list[str]) -> str:
    known = list(dict.fromkeys(whys))
    return known[0] if len(known) == 1 else f"[{', '.join(known)}]" if known else ""


def _held(key: str, source: Any, answers: Answers) -> str:
    """Say why a ConfigMap or a Secret cannot be shown as files: it is not there, or lacks a key that is wanted."""
    response = answers[key]
    if not response.ok:
        return "" if source.optional and response.code == _NOT_FOUND else why_missing(key, answers)
    if source.optional:
        return ""
    found = response.body
    binary = found.binary_data if key.startswith(f"{CONFIG_MAPS}/") else None
    for row in source.items or ():
        if row.key not in (found.data or ()) and row.key not in (binary or ()):
            if key.startswith(f"{SECRETS}/"):
                return f"references non-existent secret key: {row.key}"
            return f"configmap references non-existent config key: {row.key}"
    return ""


def _projected(state: State, pod: LocalPod, source: Any, answers: Answers) -> str:
    if source.config_map is not None:
        return _held(f"{CONFIG_MAPS}/{source.config_map.name or ''}", source.config_map, answers)
    if source.secret is not None:
        return _held(f"{SECRETS}/{source.secret.name or ''}", source.secret, answers)
    if source.downward_api is not None:
        whys = [_downward(state, pod, row) for row in source.downward_api.items or ()]
        return _together([each for each in whys if each])
    if source.service_account_token is not None:
        response = answers[token_of(pod.pod.spec, source.service_account_token)]
        return "" if response.ok else f"failed to fetch token: {_said(response)}"
    bundle = source.cluster_trust_bundle
    if bundle is not None and bundle.name:
        response = answers[f"{BUNDLES}/{bundle.name}"]
        if not response.ok and not (bundle.optional and response.code == _NOT_FOUND):
            return _said(response)
    return ""


def _said(response: Response) -> str:
    return getattr(response.body, "message", None) or f"{response.code} {response.reason}"


def _downward(state: State, pod: LocalPod, row: Any) -> str:
    if row.field_ref is not None:
        return environment.field(state, pod, row.field_ref.field_path)[1]
    if row.resource_field_ref is None:
        return ""
    spec: Any = pod.pod.spec
    return environment.amount(state, pod, spec.containers[0], row.resource_field_ref)[1]


def _inline(state: State, pod: LocalPod, source: Any, answers: Answers) -> str:
    if _driver(state, source.driver) is None:
        return f"kubernetes.io/csi: mounter.SetUpAt failed to get CSI client: {_unregistered(source.driver)}"
    secret = source.node_publish_secret_ref
    if secret is None or answers[f"{SECRETS}/{secret.name or ''}"].ok:
        return ""
    namespace = pod.key.partition("/")[0]
    why = _said(answers[f"{SECRETS}/{secret.name or ''}"])
    return (
        f"fetching NodePublishSecretRef {namespace}/{secret.name} failed: kubernetes.io/csi: failed to find the secret "
        f"{secret.name} in the namespace {namespace} with error: {why}"
    )


def _driver(state: State, name: str) -> Driver | None:
    return next((driver for driver in state.seldom.drivers if driver.name == name), None)


def _failing(
    driver: Driver, volume: str, operations: tuple[Operation, ...], failures: Mapping[str, int], mode: str = ""
) -> Fault | None:
    """Give how a driver fails to mount a volume."""
    for operation in operations if driver.faults else ():
        said = Fault(volume, "", _STEPS[mode == "Block", operation], operation=operation)
        fault = driver.fault(operation, failures.get(said.tried, 0))
        if fault is not None:
            return replace(said, why=fault.words)
    return None


_STEPS: Final[dict[tuple[bool, Operation], str]] = {
    (False, "stage"): "MountVolume.MountDevice",
    (False, "publish"): _SET_UP,
    (True, "stage"): "MapVolume.SetUpDevice",
    (True, "publish"): "MapVolume.MapPodDevice",
}


def _unregistered(driver: str) -> str:
    return f"driver name {driver} not found in the list of registered CSI drivers"


# Claims ---------------------------------------------------------------------------------------------------------------


def _claimed(state: State, pod: LocalPod, volume: Any, answers: Answers, failures: Mapping[str, int]) -> Fault | None:
    name = claim_of(pod.pod, volume)
    namespace = pod.key.partition("/")[0]
    response = answers[f"{CLAIMS}/{name}"]
    why = _why_unbound(response.body) if response.ok else f"failed to fetch PVC from API server: {_said(response)}"
    if not why and volume.ephemeral is not None and not is_of(pod.pod, response.body):
        why = f"PVC {namespace}/{name} was not created for pod {pod.key} (pod is not owner)"
        return Fault(volume.name, why, of_claim=True)
    found = None if why else answers[f"{VOLUMES}/{response.body.spec.volume_name}"]
    if found is not None:
        why = _why_not_its(response.body, found)
    if why:
        return Fault(volume.name, f"error processing PVC {namespace}/{name}: {why}", of_claim=True)
    assert found is not None, "a claim that is bound has a volume that was asked for"
    why = _why_not_in_this_mode(pod, volume, found.body)
    return Fault(volume.name, why, of_claim=True) if why else _mounted(state, found.body, answers, failures)


def _why_unbound(claim: Any) -> str:
    metadata = claim.metadata
    if metadata.deletion_timestamp is not None and CLAIM_PROTECTION not in (metadata.finalizers or ()):
        return "PVC is being deleted"
    if claim.status is None or claim.status.phase != "Bound":
        return "PVC is not bound"
    return "" if claim.spec.volume_name else "PVC has empty pvc.Spec.VolumeName"


def _why_not_its(claim: Any, response: Response) -> str:
    name, uid = claim.spec.volume_name, claim.metadata.uid
    if not response.ok:
        return f"failed to fetch PV {name} from API server: {_said(response)}"
    reference = response.body.spec.claim_ref
    if reference is None:
        return f"found PV object {name} but it has a nil pv.Spec.ClaimRef indicating it is not yet bound to the claim"
    if reference.uid != uid:
        return f"found PV object {name} but its pv.Spec.ClaimRef.UID {reference.uid} does not point to claim.UID {uid}"
    return ""


def _why_not_in_this_mode(pod: LocalPod, volume: Any, found: Any) -> str:
    mode = mode_of(found)
    for container in pod.containers:
        spec = container.spec
        if mode != "Filesystem" and any(row.name == volume.name for row in spec.volume_mounts or ()):
            return f"volume {volume.name} has volumeMode {mode}, but is specified in volumeMounts"
        if mode != "Block" and any(row.name == volume.name for row in spec.volume_devices or ()):
            return f"volume {volume.name} has volumeMode {mode}, but is specified in volumeDevices"
    return ""


def _mounted(state: State, found: Any, answers: Answers, failures: Mapping[str, int]) -> Fault | None:
    """Say what keeps a PersistentVolume from being mounted on this node."""
    name, spec = found.metadata.name, found.spec
    affinity = spec.node_affinity.required if spec.node_affinity is not None else None
    if affinity is not None and not suits(state, affinity):
        return Fault(name, "no matching NodeSelectorTerms", "MountVolume.NodeAffinity check")
    if spec.csi is None:
        return None
    if _is_attachable(found, answers) and not _is_attached(state, unique_name(found)):
        return Fault(name, "", "AttachVolume.Attach")
    registered = _driver(state, spec.csi.driver)
    if registered is not None:
        return _failing(registered, name, ("stage", "publish"), failures, mode_of(found))
    why = _unregistered(spec.csi.driver)
    why = f"kubernetes.io/csi: attacher.MountDevice failed to create newCsiDriverClient: {why}"
    return Fault(name, why, "MountVolume.MountDevice")


def unique_name(volume: Any) -> str:
    """Give the name by which a Node's status speaks of a volume of a CSI driver."""
    source = volume.spec.csi
    return f"kubernetes.io/csi/{source.driver}^{source.volume_handle}"


def attachable(answers: Answers) -> tuple[str, ...]:
    """Give the names of those volumes that have to be attached."""
    found = [response.body for key, response in answers.items() if key.startswith(f"{VOLUMES}/") and response.ok]
    return tuple([unique_name(volume) for volume in found if volume.spec.csi and _is_attachable(volume, answers)])


def _is_attachable(volume: Any, answers: Answers) -> bool:
    driver = answers[f"{DRIVERS}/{volume.spec.csi.driver}"]
    return not (driver.ok and driver.body.spec.attach_required is False)


def _is_attached(state: State, name: str) -> bool:
    """Tell whether the Node says both that a volume is attached to it and that it uses it."""
    node = state.node.seen
    rows = node.status.volumes_attached if node is not None and node.status is not None else None
    return any(row.name == name for row in rows or ()) and holding.is_said(state, name)
