"""
What is asked of a server whose feature gates are not at their defaults: LeaseCandidates, and what a Lease says of them.

Written as `cases.py` is; what a real one answered is in `gated.jsonl.gz`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from cases import APPLY, JSON_PATCH, MERGE, STRATEGIC, TABLE, kind

GATES = {"CoordinatedLeaderElection": True}
GROUP = "/apis/coordination.k8s.io"
BETA = f"{GROUP}/v1beta1/namespaces/{{ns}}/leasecandidates"
ALPHA = f"{GROUP}/v1alpha2/namespaces/{{ns}}/leasecandidates"
LEASES = f"{GROUP}/v1/namespaces/{{ns}}/leases"
SPEC = {
    "leaseName": "lock",
    "binaryVersion": "1.36.3",
    "emulationVersion": "1.36.0",
    "strategy": "OldestEmulationVersion",
    "renewTime": "2026-01-01T00:00:00.000000Z",
}
THIRD = {**SPEC, "strategy": "example.com/mine"}


def candidate(version: str = "v1beta1", name: str = "x", **spec: Any) -> dict[str, Any]:
    """Give a candidate that says no more than it must, and what is given; None takes away."""
    said = {key: value for key, value in {**THIRD, **spec}.items() if value is not None}
    return {**kind(f"coordination.k8s.io/{version}", "LeaseCandidate", spec=said), "metadata": {"name": name}}


def cases() -> Iterator[tuple[str, str, list[tuple[Any, ...]]]]:
    """Give every case: its name, its group, its steps."""
    yield from _life()
    yield from _refused()
    yield from _leases()
    yield from _discovery()


def _life() -> Iterator[tuple[str, str, list[tuple[Any, ...]]]]:
    one = f"{BETA}/x"
    for version, path in (("v1beta1", BETA), ("v1alpha2", ALPHA)):
        body = candidate(version)
        yield (
            f"{version}/life",
            "candidates",
            [
                ("POST", path, body),
                ("POST", path, body),
                ("GET", f"{path}/x", None, {"headers": TABLE}),
                ("GET", path, None, {"headers": TABLE}),
                ("GET", path, None),
                ("PATCH", f"{path}/x", {"metadata": {"labels": {"tier": "front"}}}, {"headers": MERGE}),
                ("PUT", f"{path}/x", candidate(version, "other")),
                ("PUT", f"{path}/x", body),
                ("GET", f"{BETA}/x", None),
                ("GET", f"{ALPHA}/x", None),
                ("DELETE", f"{path}/x", {"propagationPolicy": "Background"}),
                ("GET", f"{path}/x", None),
                ("DELETE", f"{path}/x", None),
            ],
        )
        by = {"headers": APPLY, "query": {"fieldManager": "me"}}
        yield f"{version}/apply", "candidates", [("PATCH", f"{path}/x", body, by), ("GET", one, None)]
    create = ("POST", BETA, candidate())
    yield "created-by-update", "candidates", [("PUT", one, candidate()), ("GET", one, None)]
    yield (
        "selected",
        "candidates",
        [
            create,
            ("GET", BETA, None, {"query": {"fieldSelector": "spec.leaseName=lock"}}),
            ("GET", BETA, None, {"query": {"fieldSelector": "spec.leaseName=other"}}),
            ("GET", BETA, None, {"query": {"fieldSelector": "metadata.name=x"}}),
            ("GET", BETA, None, {"query": {"fieldSelector": "spec.binaryVersion=1.36.3"}}),
        ],
    )
    pinged = {"spec": {"pingTime": "2026-01-01T00:00:01.000000Z"}}
    yield (
        "changed",
        "candidates",
        [
            create,
            ("PATCH", one, pinged, {"headers": MERGE}),
            ("PATCH", one, {"spec": {"leaseName": "other"}}, {"headers": MERGE}),
            ("PATCH", one, {"spec": {"binaryVersion": "1.35.0"}}, {"headers": STRATEGIC}),
            ("PATCH", one, [{"op": "remove", "path": "/spec/renewTime"}], {"headers": JSON_PATCH}),
            ("GET", f"{one}/status", None),
        ],
    )
    named = {**candidate(), "metadata": {"name": "Under_Score.is-fine"}}
    yield "named", "candidates", [("POST", BETA, named), ("DELETE", f"{BETA}/Under_Score.is-fine", None)]
    yield "all-go", "candidates", [create, ("DELETE", BETA, None), ("GET", BETA, None)]


def _refused() -> Iterator[tuple[str, str, list[tuple[Any, ...]]]]:
    bodies = {
        "no-lease": candidate(leaseName=None),
        "no-binary": candidate(binaryVersion=None),
        "no-strategy": candidate(strategy=None),
        "no-emulation": candidate(emulationVersion=None),
        "no-emulation-oldest": candidate(emulationVersion=None, strategy="OldestEmulationVersion"),
        "nothing": candidate(leaseName=None, binaryVersion=None, strategy=None, emulationVersion=None),
        "binary": candidate(binaryVersion="v1.36"),
        "emulation": candidate(emulationVersion="1.36"),
        "emulation-zero": candidate(emulationVersion="0.0.0", strategy="OldestEmulationVersion"),
        "emulation-bad-oldest": candidate(emulationVersion="one", strategy="OldestEmulationVersion"),
        "newer-emulation": candidate(emulationVersion="1.37.0"),
        "leading-zero": candidate(binaryVersion="1.036.0"),
        "prerelease": candidate(binaryVersion="1.36.0-alpha.1", emulationVersion="1.36.0-alpha.2"),
        "prerelease-zero": candidate(binaryVersion="1.36.0-01"),
        "build": candidate(binaryVersion="1.36.0+build.1"),
        "build-empty": candidate(binaryVersion="1.36.0+"),
        "strategy": candidate(strategy="Newest"),
        "strategy-qualified": candidate(strategy="example.com/a/b"),
        "strategy-qualified-bad": candidate(strategy="Example/-"),
        "name": {**candidate(), "metadata": {"name": "a/b"}},
        "name-space": {**candidate(), "metadata": {"name": "a b"}},
        "time": candidate(renewTime="yesterday"),
        "time-whole": candidate(renewTime="2026-01-01T00:00:00Z"),
        "type": candidate(leaseName=7),
    }
    for name, body in bodies.items():
        yield f"refused/{name}", "candidates", [("POST", BETA, body)]
    strict = {"query": {"fieldValidation": "Strict"}}
    yield (
        "refused/unknown",
        "candidates",
        [
            ("POST", BETA, {**candidate(), "colour": "red"}, strict),
            ("POST", BETA, {**candidate(), "colour": "red"}),
            ("POST", BETA, {**candidate(), "kind": "Nothing"}),
            ("POST", BETA, {**candidate(), "apiVersion": "coordination.k8s.io/v1alpha2"}),
            ("POST", BETA, {"apiVersion": "coordination.k8s.io/v1beta1", "kind": "LeaseCandidate"}),
            ("GET", f"{GROUP}/v1/namespaces/{{ns}}/leasecandidates", None),
            ("GET", f"{GROUP}/v1beta1/namespaces/{{ns}}/leases", None),
            ("GET", f"{GROUP}/v1alpha1/namespaces/{{ns}}/leasecandidates", None),
        ],
    )


def _leases() -> Iterator[tuple[str, str, list[tuple[Any, ...]]]]:
    one = f"{LEASES}/x"

    def lease(**spec: Any) -> dict[str, Any]:
        return kind("coordination.k8s.io/v1", "Lease", spec=spec)

    kept = lease(holderIdentity="a", strategy="example.com/mine", preferredHolder="b")
    yield (
        "lease/kept",
        "leases",
        [
            ("POST", LEASES, kept),
            ("PATCH", one, {"spec": {"preferredHolder": "c"}}, {"headers": MERGE}),
            ("PATCH", one, {"spec": {"strategy": None}}, {"headers": MERGE}),
            ("PATCH", one, {"spec": {"strategy": None, "preferredHolder": None}}, {"headers": MERGE}),
        ],
    )
    for name, body in {
        "preferred": lease(preferredHolder="b"),
        "strategy": lease(strategy="Newest"),
        "strategy-bad": lease(strategy="a/b/c"),
        "strategy-empty": lease(strategy=""),
    }.items():
        yield f"lease/{name}", "leases", [("POST", LEASES, body)]


def _discovery() -> Iterator[tuple[str, str, list[tuple[Any, ...]]]]:
    aggregated = {"headers": {"Accept": "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"}}
    yield (
        "discovery",
        "discovery",
        [
            *[("GET", f"{GROUP}{version}", None) for version in ("", "/v1", "/v1beta1", "/v1alpha2", "/v1alpha1")],
            ("GET", "/apis", None),
            ("GET", "/apis", None, aggregated),
        ],
    )
