"""Validation of what a pod and its containers may do, and of what only Linux or only Windows knows."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

from reconcile.api import core_v1
from reconcile.components.apiserver.refusals import (
    Cause,
    duplicate,
    forbidden,
    not_supported,
    required,
    too_long,
    wrong,
)
from reconcile.components.apiserver.registry.validation.values import (
    LARGEST_INT32,
    among,
    between,
    downward,
    subdomain,
)

_SYSCTL: Final = r"([a-z0-9]([-_a-z0-9]*[a-z0-9])?[\./])*[a-z0-9]([-_a-z0-9]*[a-z0-9])?"
_SYSCTL_FORM: Final = re.compile(_SYSCTL)
_LONGEST_SYSCTL: Final = 253
_LONGEST_PROFILE: Final = 4095
_PROFILES: Final = ("Localhost", "RuntimeDefault", "Unconfined")
_LARGEST_GMSA: Final = 64 * 1024
_LONGEST_DOMAIN: Final = 256
_LONGEST_USER: Final = 104
_DNS: Final = "[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?"
_DOMAINS: Final = (re.compile(r'[^\\/:\*\?"<>|\.][^\\/:\*\?"<>|]{0,14}'), re.compile(rf"{_DNS}(?:\.{_DNS})*"))
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")
_UNUSABLE: Final = re.compile(r'["/\\:;|=,\+\*\?<>@\[\]]')
_IN_WINDOWS: Final = "cannot be set for a windows pod"
# What the kernel has once for each namespace of inter-process communication.
_IPC_SYSCTLS: Final = frozenset(
    {
        "kernel.sem",
        *[f"kernel.shm{name}" for name in ("", "all", "max", "mni", "_rmid_forced")],
        *[f"kernel.msg{name}" for name in ("", "max", "mnb", "mni")],
    }
)


def every_container(field: str, spec: core_v1.PodSpec) -> Iterator[tuple[str, Any]]:
    """Give each container of a pod and where it stands: first those that run before the others."""
    for name, containers in (
        ("initContainers", spec.init_containers),
        ("containers", spec.containers),
        ("ephemeralContainers", spec.ephemeral_containers),
    ):
        for place, container in enumerate(containers or ()):
            yield f"{field}.{name}[{place}]", container


def context_causes(field: str, context: core_v1.SecurityContext, *, host_users: bool) -> list[Cause]:
    """Say what is wrong with what one container may do."""
    found = [
        *between(f"{field}.runAsUser", context.run_as_user, 0, LARGEST_INT32),
        *between(f"{field}.runAsGroup", context.run_as_group, 0, LARGEST_INT32),
    ]
    proc = context.proc_mount
    if proc is not None:
        found += among(f"{field}.procMount", proc, ("Default", "Unmasked"))
        if host_users and proc == "Unmasked":
            found.append(wrong(f"{field}.procMount", proc, "`hostUsers` must be false to use `Unmasked`"))
    found += _seccomp_causes(f"{field}.seccompProfile", context.seccomp_profile)
    if context.allow_privilege_escalation is False:
        cannot = "cannot set `allowPrivilegeEscalation` to false and"
        if context.privileged:
            found.append(wrong(field, context, f"{cannot} `privileged` to true"))
        added = (context.capabilities.add if context.capabilities is not None else None) or ()
        found += [
            wrong(field, context, f"{cannot} `capabilities.Add` CAP_SYS_ADMIN")
            for name in added
            if name == "CAP_SYS_ADMIN"
        ]
    found += _windows_causes(f"{field}.windowsOptions", context.windows_options)
    return found + _apparmor_causes(f"{field}.appArmorProfile", context.app_armor_profile)


def pod_context_causes(field: str, spec: core_v1.PodSpec) -> list[Cause]:
    """Say what is wrong with what all containers of a pod may do."""
    context = spec.security_context
    if context is None:
        return []
    found = [
        *between(f"{field}.fsGroup", context.fs_group, 0, LARGEST_INT32),
        *between(f"{field}.runAsUser", context.run_as_user, 0, LARGEST_INT32),
        *between(f"{field}.runAsGroup", context.run_as_group, 0, LARGEST_INT32),
    ]
    for place, group in enumerate(context.supplemental_groups or ()):
        found += between(f"{field}.supplementalGroups[{place}]", group, 0, LARGEST_INT32)
    if spec.share_process_namespace and spec.host_pid:
        why = "ShareProcessNamespace and HostPID cannot both be enabled"
        found.append(wrong(f"{field}.shareProcessNamespace", value=True, detail=why))
    if context.sysctls:
        found += _sysctls_causes(f"{field}.sysctls", context.sysctls, spec)
    if context.fs_group_change_policy is not None:
        found += among(f"{field}.fsGroupChangePolicy", context.fs_group_change_policy, ("Always", "OnRootMismatch"))
    found += _seccomp_causes(f"{field}.seccompProfile", context.seccomp_profile)
    found += _windows_causes(f"{field}.windowsOptions", context.windows_options)
    found += _apparmor_causes(f"{field}.appArmorProfile", context.app_armor_profile)
    if context.supplemental_groups_policy is not None:
        found += among(f"{field}.supplementalGroupsPolicy", context.supplemental_groups_policy, ("Merge", "Strict"))
    if context.se_linux_change_policy is not None:
        found += among(f"{field}.seLinuxChangePolicy", context.se_linux_change_policy, ("Recursive",))
    return found


def _sysctls_causes(field: str, sysctls: tuple[core_v1.Sysctl, ...], spec: core_v1.PodSpec) -> list[Cause]:
    found: list[Cause] = []
    seen: set[str] = set()
    for place, sysctl in enumerate(sysctls):
        at, name = f"{field}[{place}].name", sysctl.name
        if not name:
            found.append(required(at))
        elif len(name) > _LONGEST_SYSCTL or not _SYSCTL_FORM.fullmatch(name):
            found.append(wrong(at, name, f"must have at most {_LONGEST_SYSCTL} characters and match regex ^{_SYSCTL}$"))
        elif name in seen:
            found.append(duplicate(at, name))
        dotted = name.replace("/", ".")
        if spec.host_network and dotted.startswith("net."):
            found.append(wrong(at, name, "may not be specified when 'hostNetwork' is true"))
        elif spec.host_ipc and (dotted in _IPC_SYSCTLS or dotted.startswith("fs.mqueue.")):
            found.append(wrong(at, name, "may not be specified when 'hostIPC' is true"))
        seen.add(name)
    return found


def _seccomp_causes(field: str, profile: core_v1.SeccompProfile | None) -> list[Cause]:
    if profile is None:
        return []
    found: list[Cause] = []
    if not profile.type:
        found.append(required(f"{field}.type", "type is required when seccompProfile is set"))
    else:
        found += among(f"{field}.type", profile.type, _PROFILES)
    path, at = profile.localhost_profile, f"{field}.localhostProfile"
    if profile.type != "Localhost":
        return found if path is None else [*found, wrong(at, profile, "can only be set when seccomp type is Localhost")]
    if path is None:
        return [*found, required(at, "must be set when seccomp type is Localhost")]
    return found + downward(at, path)


def _apparmor_causes(field: str, profile: core_v1.AppArmorProfile | None) -> list[Cause]:
    if profile is None:
        return []
    path, at = profile.localhost_profile, f"{field}.localhostProfile"
    needed = required(at, "must be set when AppArmor type is Localhost")
    if profile.type == "Localhost":
        if path is None:
            return [needed]
        found: list[Cause] = []
        if path != path.strip():
            found.append(wrong(at, path, "must not be padded with whitespace"))
        elif not path:
            found.append(needed)
        if len(path.encode()) > _LONGEST_PROFILE:
            found.append(too_long(at, _LONGEST_PROFILE))
        return found
    if profile.type in _PROFILES:
        return [] if path is None else [wrong(at, path, "can only be set when AppArmor type is Localhost")]
    if not profile.type:
        return [required(f"{field}.type", "type is required when appArmorProfile is set")]
    return [not_supported(f"{field}.type", profile.type, _PROFILES)]


def _windows_causes(field: str, options: core_v1.WindowsSecurityContextOptions | None) -> list[Cause]:
    if options is None:
        return []
    found: list[Cause] = []
    if options.gmsa_credential_spec_name is not None:
        found += subdomain(f"{field}.gmsaCredentialSpecName", options.gmsa_credential_spec_name)
    spec = options.gmsa_credential_spec
    if spec == "":
        found.append(wrong(f"{field}.gmsaCredentialSpec", spec, "gmsaCredentialSpec cannot be an empty string"))
    elif spec is not None and len(spec.encode()) > _LARGEST_GMSA:
        found.append(wrong(f"{field}.gmsaCredentialSpec", spec, "gmsaCredentialSpec size must be under 64 KiB"))
    user = options.run_as_user_name
    if user is not None:
        found += [wrong(f"{field}.runAsUserName", user, f"runAsUserName{fault}") for fault in _user_faults(user)]
    return found


def _user_faults(name: str) -> list[str]:
    if not name:
        return [" cannot be an empty string"]
    if _CONTROL.search(name):
        return [" cannot contain control characters"]
    domain, backslash, user = name.rpartition("\\")
    if "\\" in domain:
        return [" cannot contain more than one backslash"]
    faults: list[str] = []
    if len(domain) >= _LONGEST_DOMAIN:
        faults.append(f"'s Domain length must be under {_LONGEST_DOMAIN} characters")
    if backslash and not any(form.fullmatch(domain) for form in _DOMAINS):
        faults.append("'s Domain doesn't match the NetBios nor the DNS format")
    if not user:
        faults.append("'s User cannot be empty")
    elif len(user) > _LONGEST_USER:
        faults.append(f"'s User length must not be longer than {_LONGEST_USER} characters")
    if user and not user.strip(". "):
        faults.append("'s User cannot contain only periods or spaces")
    if _UNUSABLE.search(user):
        faults.append("'s User cannot contain the following characters: \"/\\:;|=,+*?<>@[]")
    return faults


def host_process_causes(field: str, spec: core_v1.PodSpec) -> list[Cause]:
    """Say what is wrong with containers that are processes of a Windows host."""
    whole = _host_process(spec.security_context)
    found: list[Cause] = []
    count = hosted = 0
    for at, container in every_container(field, spec):
        count += 1
        own = _host_process(container.security_context)
        if whole is not None and own is not None and whole != own:
            why = f"pod hostProcess value must be identical if both are specified, was {'true' if whole else 'false'}"
            found.append(wrong(f"{at}.securityContext.windowsOptions.hostProcess", own, why))
        hosted += bool(whole if own is None else own)
    if hosted:
        if hosted != count:
            why = "If pod contains any hostProcess containers then all containers must be HostProcess containers"
            found.append(wrong(field, "", why))
        if not spec.host_network:
            why = "hostNetwork must be true if pod contains any hostProcess containers"
            found.append(wrong(f"{field}.hostNetwork", value=False, detail=why))
    return found


def _host_process(context: Any) -> bool | None:
    options = context.windows_options if context is not None else None
    return options.host_process if options is not None else None


def host_users_causes(field: str, spec: core_v1.PodSpec) -> list[Cause]:
    """Say what a pod with users of its own may not have of the host."""
    if spec.host_users is not False:
        return []
    why = "when `hostUsers` is false"
    parts = (("hostNetwork", spec.host_network), ("HostPID", spec.host_pid), ("HostIPC", spec.host_ipc))
    found = [forbidden(f"{field}.{name}", why) for name, said in parts if said]
    for at, container in every_container(field, spec):
        if container.volume_devices:
            found.append(forbidden(f"{at}.volumeDevices", why))
    return found


def os_causes(field: str, spec: core_v1.PodSpec) -> list[Cause]:
    """Say what is wrong with the system that a pod says it is for, and with what that does not know."""
    if spec.os is None:
        return []
    name = spec.os.name
    if not name:
        return [required(f"{field}.os.name")]
    if name == "linux":
        return _linux_causes(field, spec)
    if name == "windows":
        return _not_windows_causes(field, spec)
    return [not_supported(f"{field}.os", name, ("linux", "windows"))]


def _linux_causes(field: str, spec: core_v1.PodSpec) -> list[Cause]:
    why = "windows options cannot be set for a linux pod"
    places = [(field, spec.security_context)]
    places += [(at, container.security_context) for at, container in every_container(field, spec)]
    return [
        forbidden(f"{at}.securityContext.windowsOptions", why)
        for at, context in places
        if context is not None and context.windows_options is not None
    ]


_POD_PARTS: Final = (
    ("securityContext.appArmorProfile", "app_armor_profile"),
    ("securityContext.seLinuxOptions", "se_linux_options"),
    ("hostUsers", ""),
    ("hostPID", ""),
    ("hostIPC", ""),
    ("securityContext.seccompProfile", "seccomp_profile"),
    ("securityContext.fsGroup", "fs_group"),
    ("securityContext.fsGroupChangePolicy", "fs_group_change_policy"),
    ("securityContext.sysctls", "sysctls"),
    ("shareProcessNamespace", ""),
    ("securityContext.runAsUser", "run_as_user"),
    ("securityContext.runAsGroup", "run_as_group"),
    ("securityContext.supplementalGroups", "supplemental_groups"),
    ("securityContext.supplementalGroupsPolicy", "supplemental_groups_policy"),
    ("securityContext.seLinuxChangePolicy", "se_linux_change_policy"),
)
_CONTAINER_PARTS: Final = (
    ("appArmorProfile", "app_armor_profile"),
    ("seLinuxOptions", "se_linux_options"),
    ("seccompProfile", "seccomp_profile"),
    ("capabilities", "capabilities"),
    ("readOnlyRootFilesystem", "read_only_root_filesystem"),
    ("privileged", "privileged"),
    ("allowPrivilegeEscalation", "allow_privilege_escalation"),
    ("procMount", "proc_mount"),
    ("runAsUser", "run_as_user"),
    ("runAsGroup", "run_as_group"),
)


def _not_windows_causes(field: str, spec: core_v1.PodSpec) -> list[Cause]:
    context = spec.security_context
    said = {
        "hostUsers": spec.host_users is not None,
        "hostPID": bool(spec.host_pid),
        "hostIPC": bool(spec.host_ipc),
        "shareProcessNamespace": spec.share_process_namespace is not None,
    }
    found: list[Cause] = []
    for path, name in _POD_PARTS:
        value = getattr(context, name) if context is not None and name else None
        if said.get(path) or (value is not None and value != ()):
            found.append(forbidden(f"{field}.{path}", _IN_WINDOWS))
    for at, container in every_container(field, spec):
        own = container.security_context
        if own is not None:
            found += [
                forbidden(f"{at}.securityContext.{path}", _IN_WINDOWS)
                for path, name in _CONTAINER_PARTS
                if getattr(own, name) is not None
            ]
    return found
