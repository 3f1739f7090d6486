"""
Levels: which checks belong to which level in which version, and what a pod violates of one.

Source:   pod-security-admission: the registry of checks; the labels of namespaces.
Left out: nothing known.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any, Final

import attrs

from reconcile.components.apiserver.admission.security import baseline, restricted
from reconcile.components.apiserver.admission.security.restricted import unless_users, unless_windows
from reconcile.components.apiserver.admission.security.saying import Check
from reconcile.components.apiserver.memo import Same
from reconcile.components.apiserver.refusals import Cause, wrong
from reconcile.lib.quick import quick

PREFIX: Final = "pod-security.kubernetes.io/"
LEVELS: Final = ("privileged", "baseline", "restricted")
_LATEST: Final = 1 << 30
_NEWEST: Final = 35  # the last minor version that changed a check
_VERSION: Final = re.compile(r"v1\.([0-9]|[1-9][0-9]*)", re.ASCII)

_SYSCTLS: Final = (
    "kernel.shm_rmid_forced",
    "net.ipv4.ip_local_port_range",
    "net.ipv4.tcp_syncookies",
    "net.ipv4.ping_group_range",
    "net.ipv4.ip_unprivileged_port_start",
)
_SYSCTLS_27: Final = (*_SYSCTLS, "net.ipv4.ip_local_reserved_ports")
_SYSCTLS_29: Final = (
    *_SYSCTLS_27,
    *[f"net.ipv4.tcp_{name}" for name in ("keepalive_time", "fin_timeout", "keepalive_intvl", "keepalive_probes")],
)
_SYSCTLS_32: Final = (*_SYSCTLS_29, "net.ipv4.tcp_rmem", "net.ipv4.tcp_wmem")
_SELINUX: Final = ("container_t", "container_init_t", "container_kvm_t")

# Each check with the minor versions from which it is so, in upstream's order.
Versions = tuple[tuple[int, Check], ...]
_BASELINE: Final[tuple[tuple[str, Versions], ...]] = (
    ("appArmorProfile", ((0, baseline.apparmor),)),
    ("capabilities_baseline", ((0, baseline.capabilities),)),
    ("hostNamespaces", ((0, baseline.host_namespaces),)),
    ("hostPathVolumes", ((0, baseline.host_paths),)),
    ("hostPorts", ((0, baseline.host_ports),)),
    ("hostProbesAndHostLifecycle", ((34, baseline.host_probes),)),
    ("privileged", ((0, baseline.privileged),)),
    ("procMount", ((0, baseline.proc_mount), (35, baseline.proc_mount_unless_users))),
    ("seLinuxOptions", ((0, baseline.selinux(*_SELINUX)), (31, baseline.selinux(*_SELINUX, "container_engine_t")))),
    ("seccompProfile_baseline", ((0, baseline.seccomp_annotations), (19, baseline.seccomp))),
    (
        "sysctls",
        (
            (0, baseline.sysctls(*_SYSCTLS)),
            (27, baseline.sysctls(*_SYSCTLS_27)),
            (29, baseline.sysctls(*_SYSCTLS_29)),
            (32, baseline.sysctls(*_SYSCTLS_32)),
        ),
    ),
    ("windowsHostProcess", ((0, baseline.host_process),)),
)
# Of the restricted level, with the check of the baseline that it takes the place of.
_RESTRICTED: Final[tuple[tuple[str, str, Versions], ...]] = (
    ("allowPrivilegeEscalation", "", ((8, restricted.escalation), (25, unless_windows(restricted.escalation)))),
    (
        "capabilities_restricted",
        "capabilities_baseline",
        ((22, restricted.capabilities), (25, unless_windows(restricted.capabilities))),
    ),
    ("procMount_restricted", "procMount", ((35, baseline.proc_mount),)),
    ("restrictedVolumes", "hostPathVolumes", ((0, restricted.volumes),)),
    ("runAsNonRoot", "", ((0, restricted.non_root), (35, unless_users(restricted.non_root)))),
    ("runAsUser", "", ((23, restricted.root_user), (35, unless_users(restricted.root_user)))),
    (
        "seccompProfile_restricted",
        "seccompProfile_baseline",
        ((19, restricted.seccomp_set), (25, unless_windows(restricted.seccomp_set))),
    ),
)


@quick
@attrs.frozen(weakref_slot=False)
class Level:
    """A level of one minor version, `_LATEST` for the latest."""

    name: str = "privileged"
    version: int = _LATEST

    @property
    def text(self) -> str:
        """The level as messages write it: `baseline:latest`."""
        return f"{self.name}:{'latest' if self.version == _LATEST else f'v1.{self.version}'}"


@quick
@attrs.frozen(kw_only=True, weakref_slot=False)
class Policy:
    """What a namespace's labels say: which level is enforced, and of which is warned; and what is wrong with them."""

    enforce: Level = Level()
    audit: Level = Level()
    warn: Level = Level()
    causes: tuple[Cause, ...] = ()


@lru_cache(maxsize=1024)
def policy_of(labels: Any) -> Policy:
    """Give the policy of a namespace with these labels."""
    given = {key: value for key, value in (labels or {}).items() if key.startswith(PREFIX)}
    if not given:
        return _PRIVILEGED
    causes: list[Cause] = []
    # A level that cannot be read is the strictest where it is enforced, and none where it only warns.
    enforce = _level(given, "enforce", "restricted", causes)
    audit = _level(given, "audit", "privileged", causes)
    warn = _level(given, "warn", "privileged", causes)
    said = given.get(f"{PREFIX}enforce") in LEVELS
    if f"{PREFIX}warn" not in given and said and LEVELS.index(enforce.name) > LEVELS.index(warn.name):
        warn = Level(enforce.name, warn.version if f"{PREFIX}warn-version" in given else enforce.version)
    return Policy(enforce=enforce, audit=audit, warn=warn, causes=tuple(causes))


_PRIVILEGED: Final = Policy()


def _level(given: dict[str, str], mode: str, unread: str, causes: list[Cause]) -> Level:
    name, version = given.get(f"{PREFIX}{mode}", "privileged"), given.get(f"{PREFIX}{mode}-version", "latest")
    if name not in LEVELS:
        causes.append(wrong(f"metadata.labels[{PREFIX}{mode}]", name, f"must be one of {', '.join(LEVELS)}"))
        name = unread
    match = _VERSION.fullmatch(version)
    if match is None and version != "latest":
        why = 'must be "latest" or "v1.x"'
        causes.append(wrong(f"metadata.labels[{PREFIX}{mode}-version]", version, why))
    return Level(name, _LATEST if match is None else int(match[1]))


@lru_cache(maxsize=256)
def checks_of(level: Level) -> tuple[Check, ...]:
    """Give the checks of a level, in upstream's order."""
    if level.name == "privileged":
        return ()
    minor = min(level.version, _NEWEST)
    strict = [(name, instead, _as_of(versions, minor)) for name, instead, versions in _RESTRICTED]
    strict = [each for each in strict if each[2] is not None] if level.name == "restricted" else []
    replaced = {instead for _, instead, _ in strict}
    found = [_as_of(versions, minor) for name, versions in _BASELINE if name not in replaced]
    return tuple([check for check in (*found, *[check for _, _, check in strict]) if check is not None])


def _as_of(versions: Versions, minor: int) -> Check | None:
    found = None
    for since, check in versions:
        if since <= minor:
            found = check
    return found


@lru_cache(maxsize=4096)
def violations(level: Level, metadata: Same, spec: Same) -> tuple[tuple[str, str], ...]:
    """Give the reason and the detail of everything that a pod violates of a level."""
    found = [check(metadata.value, spec.value) for check in checks_of(level)]
    return tuple([each for each in found if each is not None])


def detailed(found: tuple[tuple[str, str], ...]) -> str:
    """Write what is violated, with details."""
    return ", ".join([f"{reason} ({detail})" if detail else reason for reason, detail in found])


def summed_up(found: tuple[tuple[str, str], ...]) -> str:
    """Write what is violated in short."""
    return ", ".join([reason for reason, _ in found])
