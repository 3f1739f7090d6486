"""
A pytest plugin: the fixture `kube` gives each test a whole Kubernetes cluster of its own.

One server per session, in a thread; a cluster is a fork of one that has come to rest, so that a test's costs next to
nothing. What is imported here is imported by every run of pytest where the package is installed: nothing but pytest.

    @pytest.mark.kube(nodes=3, topology=None, behaviours=None, seed=0, bare=False, speed="max")

Left out: see docs/limits.md, "Serving".
"""

from __future__ import annotations

import re
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest

if TYPE_CHECKING:
    from reconcile.adapters.http.background import Background, Served

_MARK: Final = "kube"
_KNOWN: Final = ("nodes", "topology", "behaviours", "seed", "bare", "speed")


class Kube:
    """
    A test's cluster.

    Args:
        cluster: hands on it: to step it, to break it, to look into it.
        kubeconfig: where the admin's kubeconfig is.
    """

    def __init__(self, cluster: Served, kubeconfig: Path) -> None:
        self.cluster = cluster
        self.kubeconfig = kubeconfig

    @property
    def url(self) -> str:
        """The server's address."""
        return self.cluster.url

    @property
    def configuration(self) -> Any:
        """A `kubernetes.client.Configuration`, for the package `kubernetes`."""
        return self.cluster.configuration()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Say where the logs of failing tests go."""
    group = parser.getgroup("reconcile")
    group.addoption("--kube-logs", metavar="DIR", help="where a failing test's cluster leaves its log")


def pytest_configure(config: pytest.Config) -> None:
    """Say what the marker is."""
    config.addinivalue_line("markers", f"{_MARK}({', '.join(_KNOWN)}): how the cluster of the fixture kube is booted")


@pytest.fixture(scope="session")
def kube_server() -> Iterator[Background]:
    """Give the server of this session's clusters."""
    try:
        from reconcile.adapters.http.background import Background  # noqa: PLC0415 -- only where it is used
    except ImportError as error:
        pytest.fail(f"the fixture kube needs the extra 'serve': pip install 'reconcile[serve]' ({error})")
    server = Background()
    yield server
    server.close()


@pytest.fixture(scope="session")
def kube_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the directory of kubeconfigs, and of the logs of what fails."""
    return tmp_path_factory.mktemp("kube")


@pytest.fixture
def kube(request: pytest.FixtureRequest, kube_server: Background, kube_folder: Path) -> Iterator[Kube]:
    """Give the test a Kubernetes cluster of its own, at rest."""
    given = _given(request.node)
    speed = given.pop("speed", "max")
    served = kube_server.cluster(_kind(given), speed=speed)
    yield Kube(served, served.write_kubeconfig(kube_folder / f"{served.name}.kubeconfig"))
    kube_server.drop(served)


def _given(node: pytest.Item) -> dict[str, Any]:
    """Give what the marks of a test say, the nearest first."""
    found: dict[str, Any] = {}
    for mark in reversed(list(node.iter_markers(_MARK))):
        if mark.args:
            pytest.fail(f"kube takes keywords only: {', '.join(_KNOWN)}")
        found |= mark.kwargs
    unknown = [name for name in found if name not in _KNOWN]
    if unknown:
        pytest.fail(f"kube: {', '.join(unknown)}: there are {', '.join(_KNOWN)}")
    return found


def _kind(given: dict[str, Any]) -> Any:
    import attrs  # noqa: PLC0415 -- only where it is used

    from reconcile.adapters.http.background import Kind  # noqa: PLC0415
    from reconcile.cluster import Topology  # noqa: PLC0415
    from reconcile.model.behaviours import Behaviours  # noqa: PLC0415

    changes: dict[str, Any] = {"managed_fields": True, "webhooks": True, "metrics": True}
    if given.get("nodes") is not None:
        changes["nodes"] = given["nodes"]
    behaviours = given.get("behaviours")
    if behaviours is not None:
        changes["behaviours"] = behaviours if isinstance(behaviours, Behaviours) else Behaviours.parse(behaviours)
    topology = attrs.evolve(given.get("topology") or Topology(), **changes)
    return Kind(topology=topology, seed=given.get("seed", 0), bare=given.get("bare", False))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Leave the log of a failing test's cluster, and say how it is played again."""
    report = yield
    kube = getattr(item, "funcargs", {}).get("kube") if call.when == "call" and report.failed else None
    if isinstance(kube, Kube):
        folder = Path(item.config.getoption("--kube-logs") or kube.kubeconfig.parent)
        path = folder / f"{re.sub(r'[^A-Za-z0-9_.-]+', '-', item.nodeid).strip('-')}.jsonl"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            path.write_text(kube.cluster.log(), encoding="utf-8")
            said = f"the cluster's log; play it again with\n    reconcile replay {path}"
        except Exception as error:  # noqa: BLE001 -- what failed is the test, and that is to be seen
            said = f"the cluster's log could not be written: {error}"
        report.sections.append(("reconcile", said))
    return report
