"""
Baseline: what no ordinary pod does, as checks.

Source:   https://kubernetes.io/docs/concepts/security/pod-security-standards/#baseline
Left out: nothing known.
"""

from __future__ import annotations

import json
from typing import Any, Final

from reconcile.components.apiserver.admission.security.saying import (
    Check,
    Finding,
    containers_of,
    context_of,
    has_users_of_its_own,
    named,
    plural,
    quoted,
    setters,
)

_APPARMOR: Final = "container.apparmor.security.beta.kubernetes.io/"
_SECCOMP_POD: Final = "seccomp.security.alpha.kubernetes.io/pod"
_SECCOMP_CONTAINER: Final = "container.seccomp.security.alpha.kubernetes.io/"
_PROFILES: Final = ("RuntimeDefault", "Localhost")
_CAPABILITIES: Final = frozenset(
    {
        "AUDIT_WRITE",
        "CHOWN",
        "DAC_OVERRIDE",
        "FOWNER",
        "FSETID",
        "KILL",
        "MKNOD",
        "NET_BIND_SERVICE",
        "SETFCAP",
        "SETGID",
        "SETPCAP",
        "SETUID",
        "SYS_CHROOT",
    }
)


def apparmor(metadata: Any, spec: Any) -> Finding:
    """AppArmor profiles other than the runtime's and those of the host."""

    def bad(part: Any) -> str | None:
        profile = context_of(part, "app_armor_profile")
        return None if profile is None or profile.type in _PROFILES else profile.type

    pod = bad(spec)
    found = [(each.name, bad(each)) for each in containers_of(spec)]
    containers = [name for name, value in found if value is not None]
    values = sorted({value for value in (pod, *[value for _, value in found]) if value is not None})
    said = [setters(pod is not None, containers)] if pod is not None or containers else []
    annotations = sorted(
        [
            f"{key}={json.dumps(value, ensure_ascii=False)}"
            for key, value in (metadata.annotations or {}).items()
            if key.startswith(_APPARMOR) and value not in ("", "runtime/default") and not value.startswith("localhost/")
        ]
    )
    if annotations:
        said.append(plural(len(annotations), "annotation"))
        values += annotations
    if not said:
        return None
    reason = plural(len(values), "forbidden AppArmor profile")
    return reason, f"{' and '.join(said)} must not set AppArmor profile type to {quoted(values)}"


def capabilities(_: Any, spec: Any) -> Finding:
    """Capabilities beyond the default set."""
    bad, values = [], set()
    for container in containers_of(spec):
        asked = context_of(container, "capabilities")
        more = {name for name in (asked.add if asked is not None else None) or () if name not in _CAPABILITIES}
        if more:
            bad.append(container.name)
            values |= more
    if not bad:
        return None
    said = f"{named(bad)} must not include {quoted(sorted(values))} in securityContext.capabilities.add"
    return "non-default capabilities", said


def host_namespaces(_: Any, spec: Any) -> Finding:
    """The host's network, processes and IPC."""
    fields = (("hostNetwork", spec.host_network), ("hostPID", spec.host_pid), ("hostIPC", spec.host_ipc))
    shared = [f"{name}=true" for name, value in fields if value]
    return ("host namespaces", ", ".join(shared)) if shared else None


def host_paths(_: Any, spec: Any) -> Finding:
    """Volumes that are directories of the host."""
    bad = [volume.name for volume in spec.volumes or () if volume.host_path is not None]
    return ("hostPath volumes", f"{plural(len(bad), 'volume')} {quoted(bad)}") if bad else None


def host_ports(_: Any, spec: Any) -> Finding:
    """Ports of the host."""
    bad, ports = [], set()
    for container in containers_of(spec):
        taken = {str(port.host_port) for port in container.ports or () if port.host_port}
        if taken:
            bad.append(container.name)
            ports |= taken
    if not bad:
        return None
    uses = plural(len(bad), "uses", "use")
    return "hostPort", f"{named(bad)} {uses} {plural(len(ports), 'hostPort')} {', '.join(sorted(ports))}"


def host_probes(_: Any, spec: Any) -> Finding:
    """Probes and lifecycle handlers that name a host."""
    bad, hosts = set(), set()
    for container in containers_of(spec):
        lifecycle = container.lifecycle
        handlers = [container.liveness_probe, container.readiness_probe, container.startup_probe]
        handlers += [lifecycle.post_start, lifecycle.pre_stop] if lifecycle is not None else []
        for handler in handlers:
            for action in (handler.http_get, handler.tcp_socket) if handler is not None else ():
                if action is not None and action.host:
                    bad.add(container.name)
                    hosts.add(action.host)
    if not bad:
        return None
    what = plural(len(hosts), "probe or lifecycle host")
    said = f"{named(sorted(bad))} {plural(len(bad), 'uses', 'use')} {what} {quoted(sorted(hosts))}"
    return "probe or lifecycle host", said


def privileged(_: Any, spec: Any) -> Finding:
    """Containers that may everything."""
    bad = [each.name for each in containers_of(spec) if context_of(each, "privileged")]
    return ("privileged", f"{named(bad)} must not set securityContext.privileged=true") if bad else None


def proc_mount(_: Any, spec: Any) -> Finding:
    """A /proc that is not masked."""
    found = [(each.name, context_of(each, "proc_mount")) for each in containers_of(spec)]
    bad = [(name, value) for name, value in found if value is not None and value != "Default"]
    if not bad:
        return None
    values = quoted(sorted({value for _, value in bad}))
    return "procMount", f"{named([name for name, _ in bad])} must not set securityContext.procMount to {values}"


def proc_mount_unless_users(metadata: Any, spec: Any) -> Finding:
    """A /proc that is not masked, unless the pod has users of its own."""
    return None if has_users_of_its_own(spec) else proc_mount(metadata, spec)


def selinux(*types: str) -> Check:
    """Give the check of SELinux options: a type other than *types*, a user, a role."""

    def check(_: Any, spec: Any) -> Finding:
        options = context_of(spec, "se_linux_options")
        found = [(each.name, context_of(each, "se_linux_options")) for each in containers_of(spec)]
        pod = [] if options is None or not _bad(options) else [options]
        containers = [(name, each) for name, each in found if each is not None and _bad(each)]
        bad = [*pod, *[each for _, each in containers]]
        if not bad:
            return None
        wrong = sorted({each.type for each in bad if each.type and each.type not in types})
        said = [f"{plural(len(wrong), 'type')} {quoted(wrong)}"] if wrong else []
        said += ["user may not be set"] if any(each.user for each in bad) else []
        said += ["role may not be set"] if any(each.role for each in bad) else []
        who = setters(bool(pod), [name for name, _ in containers])
        return "seLinuxOptions", f"{who} set forbidden securityContext.seLinuxOptions: {'; '.join(said)}"

    def _bad(options: Any) -> bool:
        return bool(options.user or options.role or (options.type and options.type not in types))

    return check


def seccomp_annotations(metadata: Any, spec: Any) -> Finding:
    """Seccomp profiles as annotations said them."""
    keys = [_SECCOMP_POD, *[_SECCOMP_CONTAINER + each.name for each in containers_of(spec)]]
    given = metadata.annotations or {}
    bad = sorted(
        {
            f"{key}={json.dumps(given[key], ensure_ascii=False)}"
            for key in keys
            if key in given
            and given[key] not in ("runtime/default", "docker/default")
            and not given[key].startswith("localhost/")
        }
    )
    return ("seccompProfile", f"forbidden {plural(len(bad), 'annotation')} {', '.join(bad)}") if bad else None


def seccomp(_: Any, spec: Any) -> Finding:
    """Seccomp profiles other than the runtime's and those of the host."""

    def bad(part: Any) -> str | None:
        profile = context_of(part, "seccomp_profile")
        return None if profile is None or profile.type in _PROFILES else profile.type

    pod = bad(spec)
    found = [(each.name, bad(each)) for each in containers_of(spec)]
    containers = [name for name, value in found if value is not None]
    if pod is None and not containers:
        return None
    values = sorted({value for value in (pod, *[value for _, value in found]) if value is not None})
    who = setters(pod is not None, containers)
    return "seccompProfile", f"{who} must not set securityContext.seccompProfile.type to {quoted(values)}"


def sysctls(*allowed: str) -> Check:
    """Give the check of kernel parameters other than *allowed*."""

    def check(_: Any, spec: Any) -> Finding:
        bad = [each.name for each in context_of(spec, "sysctls") or () if each.name not in allowed]
        return ("forbidden sysctls", ", ".join(bad)) if bad else None

    return check


def host_process(_: Any, spec: Any) -> Finding:
    """Windows containers that are processes of the host."""

    def bad(part: Any) -> bool:
        options = context_of(part, "windows_options")
        return options is not None and bool(options.host_process)

    containers = [each.name for each in containers_of(spec) if bad(each)]
    if not bad(spec) and not containers:
        return None
    who = setters(bad(spec), containers)
    return "hostProcess", f"{who} must not set securityContext.windowsOptions.hostProcess=true"
