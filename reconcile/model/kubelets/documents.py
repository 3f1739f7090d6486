"""
Documents: a KubeletConfiguration as users have it, in the texts by which a host says how its kubelet is configured.

Fields that concern nothing that is here (addresses, certificates, cgroups, logging, ...) are known and left out; one
that no KubeletConfiguration has is an error, as it is to a kubelet.

Source:   KubeletConfiguration (kubelet.config.k8s.io/v1beta1).
Left out: what else the fields say that are left out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from reconcile.lib.errors import ReconcileError
from reconcile.lib.given import as_map
from reconcile.lib.mapping import Map
from reconcile.model.kubelets.settings import ALLOWLIST, DEFAULTS, RESTARTS

API_VERSION: Final = "kubelet.config.k8s.io/v1beta1"
KIND: Final = "KubeletConfiguration"
_BETWEEN: Final = {"evictionHard": "<", "evictionSoft": "<"}
_UNSET: Final = {
    "maxPods": ("0",),
    "nodeLeaseDurationSeconds": ("0",),
    "imageMinimumGCAge": ("", "0", "0s"),
    "syncFrequency": ("", "0", "0s"),
    "containerLogMaxSize": ("",),
}
"""Fields of which Kubernetes takes this for nothing said: they are no pointers there."""
_LEFT_OUT: Final = frozenset(
    """
    enableServer staticPodPath podLogsDir fileCheckFrequency httpCheckFrequency staticPodURL
    staticPodURLHeader address port readOnlyPort tlsCertFile tlsPrivateKeyFile tlsCipherSuites tlsCurvePreferences
    tlsMinVersion rotateCertificates serverTLSBootstrap authentication authorization registryPullQPS registryBurst
    eventRecordQPS eventBurst
    enableDebuggingHandlers enableContentionProfiling healthzPort healthzBindAddress oomScoreAdj clusterDomain
    clusterDNS streamingConnectionIdleTimeout volumeStatsAggPeriod kubeletCgroups systemCgroups cgroupRoot
    cgroupsPerQOS cgroupDriver singleProcessOOMKill cpuManagerPolicyOptions cpuManagerReconcilePeriod
    topologyManagerPolicyOptions qosReserved runtimeRequestTimeout hairpinMode podCIDR podPidsLimit resolvConf runOnce
    cpuCFSQuota cpuCFSQuotaPeriod maxOpenFiles contentType kubeAPIQPS kubeAPIBurst enableControllerAttachDetach
    protectKernelDefaults makeIPTablesUtilChains iptablesMasqueradeBit iptablesDropBit failSwapOn memorySwap
    containerLogMaxWorkers configMapAndSecretChangeDetectionStrategy reservedSystemCPUs showHiddenMetricsForVersion
    systemReservedCgroup
    kubeReservedCgroup enforceNodeAllocatable allowedUnsafeSysctls volumePluginDir providerID kernelMemcgNotification
    logging enableSystemLogHandler enableSystemLogQuery reservedMemory enableProfilingHandler enableDebugFlagsHandler
    seccompDefault memoryThrottlingFactor memoryReservationPolicy registerNode tracing
    localStorageCapacityIsolation containerRuntimeEndpoint imageServiceEndpoint failCgroupV1 userNamespaces
    """.split()  # noqa: SIM905 -- eighty names read better so
)


def as_settings(given: Any) -> Any:
    """Give how a kubelet is configured as texts, where it is given as the document that a KubeletConfiguration is."""
    if isinstance(given, Mapping) and "kind" in given:
        return texts_of(given)
    return as_map(given)


def texts_of(document: Any, path: str = "kubelet") -> Map[str]:
    """
    Give what a KubeletConfiguration says, field -> text.

    Raises:
        ReconcileError: it is none, or has a field that there is not, or one of another form; *path* shows where.
    """
    if not isinstance(document, Mapping) or (document.get("apiVersion"), document.get("kind")) != (API_VERSION, KIND):
        head = [document.get(key) for key in ("apiVersion", "kind")] if isinstance(document, Mapping) else document
        raise ReconcileError(f"{path}: expected a {KIND} of {API_VERSION}, found {head!r}")
    found: dict[str, str] = {}
    for name, value in document.items():
        if name in ("apiVersion", "kind", "metadata") or name in _LEFT_OUT or value is None:
            continue
        if name == "crashLoopBackOff":
            found |= _restarts(value, f"{path}.{name}")
        elif name == "shutdownGracePeriodByPodPriority":
            found[name] = ",".join(_graces(value, f"{path}.{name}"))
        elif name == ALLOWLIST:
            found[name] = ",".join(_texts(value, f"{path}.{name}"))
        elif name == "registerWithTaints":
            found[name] = ",".join(_taints(value, f"{path}.{name}"))
        elif name not in DEFAULTS:
            raise ReconcileError(f'{path}: strict decoding error: unknown field "{name}"')
        elif isinstance(value, Mapping):
            between = _BETWEEN.get(name, "=")
            found[name] = ",".join([f"{key}{between}{_text(each, path)}" for key, each in value.items()])
        else:
            text = _text(value, f"{path}.{name}")
            if text not in _UNSET.get(name, ()):
                found[name] = text
    return Map(found)


def _restarts(value: Any, path: str) -> dict[str, str]:
    rows = value if isinstance(value, Mapping) else {"": value}
    for name in rows:
        if name != "maxContainerRestartPeriod":
            raise ReconcileError(f'{path}: strict decoding error: unknown field "{name}"')
    period = rows.get("maxContainerRestartPeriod")
    return {} if period is None else {RESTARTS: _text(period, path)}


def _graces(value: Any, path: str) -> list[str]:
    if not isinstance(value, Sequence) or isinstance(value, str):
        raise ReconcileError(f"{path}: expected a list, found {value!r}")
    found: list[str] = []
    for place, row in enumerate(value):
        if not isinstance(row, Mapping) or row.keys() != {"priority", "shutdownGracePeriodSeconds"}:
            raise ReconcileError(f"{path}[{place}]: expected priority and shutdownGracePeriodSeconds, found {row!r}")
        found.append(f"{row['priority']}={row['shutdownGracePeriodSeconds']}s")
    return found


def _texts(value: Any, path: str) -> list[str]:
    if not isinstance(value, Sequence) or isinstance(value, str):
        raise ReconcileError(f"{path}: expected a list, found {value!r}")
    return [_text(each, f"{path}[{place}]") for place, each in enumerate(value)]


def _taints(value: Any, path: str) -> list[str]:
    if not isinstance(value, Sequence) or isinstance(value, str):
        raise ReconcileError(f"{path}: expected a list, found {value!r}")
    found: list[str] = []
    for place, row in enumerate(value):
        if not isinstance(row, Mapping) or not {"key", "effect"} <= row.keys() <= {"key", "value", "effect"}:
            raise ReconcileError(f"{path}[{place}]: expected key, value and effect, found {row!r}")
        found.append(f"{row['key']}={row.get('value') or ''}:{row['effect']}")
    return found


def _text(value: Any, path: str) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (str, int)):
        return str(value)
    raise ReconcileError(f"{path}: expected text or a whole number, found {value!r}")
