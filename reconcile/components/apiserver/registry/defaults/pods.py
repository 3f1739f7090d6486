"""Defaults of pods: their specification, containers, probes and volumes."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Final, TypeVar

from reconcile.api import core_v1, meta_v1
from reconcile.api.scalars import Quantity
from reconcile.components.apiserver.memo import Same
from reconcile.components.apiserver.registry.aggregation import aggregated
from reconcile.components.apiserver.registry.defaults.dropping import without_disabled
from reconcile.components.apiserver.registry.defaults.each import each
from reconcile.components.apiserver.registry.defaults.rounding import resources_rounded, rounded
from reconcile.components.apiserver.registry.defaults.volumes import claim_spec_defaulted, source_defaulted
from reconcile.lib.mapping import Map
from reconcile.lib.replacing import replace
from reconcile.model.pods import images

T = TypeVar("T")

NO_RESOURCES: Final = core_v1.ResourceRequirements()
_NO_SECURITY: Final = core_v1.PodSecurityContext()
_EMPTY_DIR: Final = core_v1.EmptyDirVolumeSource()
_ZERO: Final = Quantity.parse("0")
_FILE_MODE: Final = 0o644
_TOKEN_SECONDS: Final = 3600
_HUGE: Final = "hugepages-"


def template_spec_defaulted(spec: core_v1.PodSpec) -> core_v1.PodSpec:
    """Give a template's pod specification with its defaults; remembered by object."""
    return _template_spec(Same(spec))


@lru_cache(maxsize=4096)
def _template_spec(same: Same) -> core_v1.PodSpec:
    spec = without_disabled(same.value)
    account = spec.service_account_name or spec.service_account
    return replace(
        spec,
        dns_policy=spec.dns_policy or "ClusterFirst",
        restart_policy=spec.restart_policy or "Always",
        scheduler_name=spec.scheduler_name or "default-scheduler",
        security_context=_NO_SECURITY if spec.security_context is None else spec.security_context,
        termination_grace_period_seconds=_or(spec.termination_grace_period_seconds, 30),
        service_account_name=account,
        service_account=account,
        containers=each(spec.containers, _container),
        init_containers=each(spec.init_containers, _container),
        ephemeral_containers=each(spec.ephemeral_containers, _container),
        volumes=each(spec.volumes, _volume),
        overhead=rounded(spec.overhead),
        resources=resources_rounded(spec.resources),
    )


def template_defaulted(template: Any) -> Any:
    """Give a pod template with its defaults."""
    if template is None or template.spec is None:
        return template
    return replace(template, spec=template_spec_defaulted(template.spec))


def labels_of(template: Any) -> Any:
    """Give the labels of a template's pods."""
    metadata = template.metadata if template is not None else None
    return metadata.labels if metadata is not None else None


def with_labels(metadata: meta_v1.ObjectMeta | None, template: Any) -> meta_v1.ObjectMeta | None:
    """Give an object without labels those of its pods, as it had them before apps/v1."""
    labels = labels_of(template)
    if not labels or (metadata is not None and metadata.labels):
        return metadata
    return replace(metadata or meta_v1.ObjectMeta(), labels=labels)


def pod_spec_defaulted(spec: core_v1.PodSpec) -> core_v1.PodSpec:
    """Give a pod's own specification with its defaults: a template's, and those that only pods have."""
    spec = template_spec_defaulted(spec)
    grace = spec.termination_grace_period_seconds
    if grace is not None and grace < 0:
        # No pod stops before it is told to.
        spec = replace(spec, termination_grace_period_seconds=1)
    containers = each(spec.containers, _with_requests)
    init_containers = each(spec.init_containers, _with_requests)
    if spec.host_network:
        containers = each(containers, _with_host_ports)
        init_containers = each(init_containers, _with_host_ports)
    links = True if spec.enable_service_links is None else spec.enable_service_links
    spec = replace(spec, enable_service_links=links, containers=containers, init_containers=init_containers)
    return spec if spec.resources is None else replace(spec, resources=_whole(spec, spec.resources))


def _whole(spec: core_v1.PodSpec, whole: core_v1.ResourceRequirements) -> core_v1.ResourceRequirements:
    """Give what a pod asks for as a whole, with what it leaves for its containers to say."""
    limits, requests = whole.limits or Map[Quantity](), whole.requests or Map[Quantity]()
    if not limits and not requests:
        return whole
    huge = {
        name: amount
        for name, amount in aggregated(spec, "limits").items()
        if name.startswith(_HUGE) and name not in requests and name not in limits
    }
    limits = limits.merge(huge)
    if not limits:
        return whole
    asked = {
        name: amount
        for name, amount in aggregated(spec, "requests").items()
        if name not in requests and name in ("cpu", "memory")
    }
    requests = requests.merge(asked)
    requests = requests.merge(
        {
            name: amount
            for name, amount in limits.items()
            if name not in requests and (name in ("cpu", "memory") or name.startswith(_HUGE))
        }
    )
    return replace(whole, limits=limits, requests=requests or None)


def pull_policy(image: str) -> str:
    """Say when an image is pulled if nobody says: always if it has no tag or the tag `latest`."""
    return "Always" if images.tag(image) == "latest" else "IfNotPresent"


def _or(value: T | None, default: T) -> T:
    return default if value is None else value


def _container(container: Any) -> Any:
    return replace(
        container,
        image_pull_policy=container.image_pull_policy or pull_policy(container.image or ""),
        termination_message_path=container.termination_message_path or "/dev/termination-log",
        termination_message_policy=container.termination_message_policy or "File",
        resources=NO_RESOURCES if container.resources is None else resources_rounded(container.resources),
        ports=each(container.ports, _port),
        env=each(container.env, _variable),
        liveness_probe=_probe(container.liveness_probe),
        readiness_probe=_probe(container.readiness_probe),
        startup_probe=_probe(container.startup_probe),
        lifecycle=_lifecycle(container.lifecycle),
    )


def _port(port: core_v1.ContainerPort) -> core_v1.ContainerPort:
    return port if port.protocol else replace(port, protocol="TCP")


def _variable(variable: core_v1.EnvVar) -> core_v1.EnvVar:
    source = variable.value_from
    if source is None:
        return variable
    source = replace(source, field_ref=_field(source.field_ref), resource_field_ref=_amount(source.resource_field_ref))
    return replace(variable, value_from=source)


def _field(reference: core_v1.ObjectFieldSelector | None) -> core_v1.ObjectFieldSelector | None:
    if reference is None or reference.api_version:
        return reference
    return replace(reference, api_version="v1")


def _amount(reference: core_v1.ResourceFieldSelector | None) -> core_v1.ResourceFieldSelector | None:
    if reference is None or reference.divisor is not None:
        return reference
    return replace(reference, divisor=_ZERO)


def _probe(probe: core_v1.Probe | None) -> core_v1.Probe | None:
    if probe is None:
        return None
    grpc = probe.grpc
    return replace(
        probe,
        timeout_seconds=probe.timeout_seconds or 1,
        period_seconds=probe.period_seconds or 10,
        success_threshold=probe.success_threshold or 1,
        failure_threshold=probe.failure_threshold or 3,
        http_get=_http(probe.http_get),
        grpc=replace(grpc, service="") if grpc is not None and grpc.service is None else grpc,
    )


def _http(action: core_v1.HTTPGetAction | None) -> core_v1.HTTPGetAction | None:
    if action is None:
        return None
    return replace(action, path=action.path or "/", scheme=action.scheme or "HTTP")


def _lifecycle(lifecycle: core_v1.Lifecycle | None) -> core_v1.Lifecycle | None:
    if lifecycle is None:
        return None
    return replace(lifecycle, post_start=_hook(lifecycle.post_start), pre_stop=_hook(lifecycle.pre_stop))


def _hook(hook: core_v1.LifecycleHandler | None) -> core_v1.LifecycleHandler | None:
    return hook if hook is None or hook.http_get is None else replace(hook, http_get=_http(hook.http_get))


def _with_requests(container: Any) -> Any:
    resources = container.resources
    if resources is None or not resources.limits:
        return container
    requests = resources.requests or {}
    missing = [(name, amount) for name, amount in resources.limits.items() if name not in requests]
    if not missing:
        return container
    merged = resources.limits.merge(requests) if requests else resources.limits
    return replace(container, resources=replace(resources, requests=merged))


def _with_host_ports(container: Any) -> Any:
    return replace(container, ports=each(container.ports, _host_port))


def _host_port(port: core_v1.ContainerPort) -> core_v1.ContainerPort:
    return port if port.host_port else replace(port, host_port=port.container_port)


def _volume(volume: core_v1.Volume) -> core_v1.Volume:
    if not has_source(volume):
        return replace(volume, empty_dir=_EMPTY_DIR)
    sourced: core_v1.Volume = source_defaulted(volume)
    return replace(
        sourced,
        secret=_moded(volume.secret),
        config_map=_moded(volume.config_map),
        downward_api=_downward(_moded(volume.downward_api)),
        projected=_projected(volume.projected),
        image=_image(volume.image),
        ephemeral=_ephemeral(volume.ephemeral),
    )


def has_source(volume: core_v1.Volume) -> bool:
    """Tell whether a volume says what it is."""
    return volume != core_v1.Volume(name=volume.name)


def _moded(source: Any) -> Any:
    return source if source is None or source.default_mode is not None else replace(source, default_mode=_FILE_MODE)


def _downward(source: Any) -> Any:
    return source if source is None else replace(source, items=each(source.items, _downward_file))


def _downward_file(file: core_v1.DownwardAPIVolumeFile) -> core_v1.DownwardAPIVolumeFile:
    return replace(file, field_ref=_field(file.field_ref), resource_field_ref=_amount(file.resource_field_ref))


def _projected(source: core_v1.ProjectedVolumeSource | None) -> core_v1.ProjectedVolumeSource | None:
    if source is None:
        return None
    return replace(_moded(source), sources=each(source.sources, _projection))  # type: ignore[no-any-return]


def _projection(projection: core_v1.VolumeProjection) -> core_v1.VolumeProjection:
    token = projection.service_account_token
    if token is not None and token.expiration_seconds is None:
        token = replace(token, expiration_seconds=_TOKEN_SECONDS)
    return replace(projection, service_account_token=token, downward_api=_downward(projection.downward_api))


def _image(source: core_v1.ImageVolumeSource | None) -> core_v1.ImageVolumeSource | None:
    if source is None or source.pull_policy:
        return source
    return replace(source, pull_policy=pull_policy(source.reference or ""))


def _ephemeral(source: core_v1.EphemeralVolumeSource | None) -> core_v1.EphemeralVolumeSource | None:
    template = source.volume_claim_template if source is not None else None
    if source is None or template is None:
        return source
    return replace(source, volume_claim_template=replace(template, spec=claim_spec_defaulted(template.spec)))
