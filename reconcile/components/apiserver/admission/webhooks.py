"""
MutatingAdmissionWebhook, ValidatingAdmissionWebhook: a write that a webhook wants to be asked about.

Nobody answers here: a webhook is what it is to an API server that cannot reach it, and its failurePolicy decides.

Source:   the admission plugins of these names.
Left out: the call itself, and matchConditions; see docs/limits.md, "API server".
"""

from __future__ import annotations

from typing import Any, Final

from reconcile.components.apiserver.admission import matching
from reconcile.components.apiserver.refusals import Refusal
from reconcile.components.apiserver.state import Ask
from reconcile.model import statuses

_KINDS: Final = (
    ("mutatingwebhookconfigurations", "MutatingAdmissionWebhook"),
    ("validatingwebhookconfigurations", "ValidatingAdmissionWebhook"),
)
_PORT: Final = 443
_SECONDS: Final = 10


def called(ask: Ask, new: Any, old: Any) -> tuple[str, ...]:
    """Refuse a write that a webhook must be asked about; give the warnings of those that may fail: none."""
    if matching.is_exempt(ask):
        return ()
    operation = matching.operation_of(new, old)
    for plural, plugin in _KINDS:
        table = ask.store.table(f"{plural}.{matching.GROUP}")
        if not table or plugin in ask.state.disabled:
            continue
        for configuration in table.values():
            for webhook in configuration.webhooks or ():
                _call(ask, webhook, operation, new, old)
    return ()


def _call(ask: Ask, webhook: Any, operation: str, new: Any, old: Any) -> None:
    if not matching.concerns(ask, webhook.rules, operation) or not matching.selects(ask, webhook, new, old):
        return
    if ask.request.dry_run and webhook.side_effects not in ("None", "NoneOnDryRun"):
        raise Refusal(statuses.bad_request(f'admission webhook "{webhook.name}" does not support dry run'))
    if webhook.failure_policy != "Ignore":
        why = f'failed calling webhook "{webhook.name}": failed to call webhook: {_unreached(ask, webhook)}'
        raise Refusal(statuses.internal(why))


def _unreached(ask: Ask, webhook: Any) -> str:
    """Say in what way the webhook's server was not reached."""
    config, seconds = webhook.client_config, webhook.timeout_seconds or _SECONDS
    service = config.service
    if service is None:
        host, port = _address(config.url or "")
        return f'Post "{config.url}?timeout={seconds}s": {_refused(host, port)}'
    where = f"{service.name}.{service.namespace}.svc:{service.port or _PORT}"
    asked = f'Post "https://{where}{_path(service.path)}?timeout={seconds}s"'
    found = ask.store.get("services", f"{service.namespace}/{service.name}")
    if found is None:
        return f'{asked}: service "{service.name}" not found'
    ports = [each for each in found.spec.ports or () if each.port == (service.port or _PORT)]
    if not ports:
        return f'{asked}: no service port {service.port or _PORT} found for service "{service.name}"'
    if found.spec.cluster_ip in (None, "", "None"):
        return f'{asked}: no endpoints available for service "{service.name}"'
    return f"{asked}: {_refused(found.spec.cluster_ip, ports[0].port)}"


def _address(url: str) -> tuple[str, int]:
    """Give the host and the port of a URL."""
    place = url.partition("://")[2].partition("/")[0].rpartition("@")[2]
    host, colon, port = place.rpartition(":")
    return (host.strip("[]"), int(port)) if colon and port.isdigit() else (place.strip("[]"), _PORT)


def _path(path: str | None) -> str:
    return "/" + (path or "").lstrip("/")


def _refused(host: str, port: int) -> str:
    if host.replace(".", "").isdigit() or ":" in host:
        return f"dial tcp {host}:{port}: connect: connection refused"
    return f"dial tcp: lookup {host}: no such host"
