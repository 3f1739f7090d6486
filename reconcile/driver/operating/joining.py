"""
Joining: a machine comes into a cluster as `kubeadm join` brings it there, one step after the other.

A worker is powered on, and its kubelet registers it. Of a master, its manifests are written; its member of etcd is
added as a learner, brought to what the others have, and promoted; its Node is labelled and tainted; and whoever runs
the balancer lets it send to the new API server too.

Takes:    how to see a cluster, and to let an event happen, time go by, and a request be asked in it.
Gives:    nothing, once it has joined; ReconcileError if it cannot, with kubeadm's and etcd's words where they have any.
Source:   kubeadm 1.36, cmd/join.go (preflight, control-plane-prepare, etcd-join, control-plane-join), phases/etcd.
Left out: discovery, the bootstrap token, certificates; the image of a manifest is that of the first master's.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, Literal

import attrs

from reconcile.api import convert
from reconcile.cluster import kubeadm
from reconcile.cluster.cluster import Cluster
from reconcile.cluster.manifests import ETCD, static_pod
from reconcile.driver.client import asked, get, patch
from reconcile.driver.machine import Machine
from reconcile.driver.machine.network.lines import NETWORK
from reconcile.driver.operating.members import member_list
from reconcile.driver.run import collector_paused, play
from reconcile.driver.step import apply_event
from reconcile.events import AddHost, ChangeMember, Fault, SetBackends, WriteManifest
from reconcile.lib.errors import ReconcileError
from reconcile.lib.instant import MILLISECOND, MINUTE, Duration
from reconcile.model.requests import Request, Response

_API_SERVER: Final = "kube-apiserver"
_BRAINS: Final = (_API_SERVER, "kube-controller-manager", "kube-scheduler")
_ROLE: Final = "node-role.kubernetes.io/control-plane"
_LABELS: Final = {_ROLE: "", "node.kubernetes.io/exclude-from-external-load-balancers": ""}
_TAINT: Final = {"key": _ROLE, "effect": "NoSchedule"}
_OK: Final = 200

# Source: kubeadm's EtcdAPICallRetryInterval, and its timeouts EtcdAPICall and TLSBootstrap.
_TRY_AGAIN: Final = 500 * MILLISECOND
_ETCD: Final = 2 * MINUTE
_BOOTSTRAP: Final = 5 * MINUTE


@collector_paused()
def join(cluster: Cluster, host: str, *, control_plane: bool = False) -> Cluster:
    """
    Give *cluster* once *host* has joined it, first-in first-out; `settle` waits until all that runs on it is ready.

    Args:
        cluster: where to begin.
        host: a machine that is there, or a new one, which is as the others of a topology without hosts of its own; for
            any other machine `AddHost` comes first.
        control_plane: it becomes a master, as with `kubeadm join --control-plane`.

    Raises:
        ReconcileError: it cannot join, and why.
    """
    machine = Machine(cluster)
    joiner = Joiner(
        machine.closed,
        lambda event: apply_event(machine, event),
        lambda time: play(machine, None, machine.now + time),
        lambda request: asked(machine, request),
    )
    joiner.join(host, control_plane=control_plane)
    return machine.closed()


@attrs.frozen
class Joiner:
    """
    Who runs kubeadm.

    Args:
        see: gives the cluster as it is now.
        happen: lets an event happen in it; ReconcileError if it cannot.
        wait: lets time go by in it, if there is any left.
        ask: has a request answered; None if nobody answers.
    """

    see: Callable[[], Cluster]
    happen: Callable[[Fault], object]
    wait: Callable[[Duration], object]
    ask: Callable[[Request], Response | None]

    def join(self, name: str, *, control_plane: bool) -> None:
        """Let *name* join; a master if *control_plane* says so."""
        there = self._hosts()
        if name not in there:
            self.happen(AddHost(self.see().topology.spare(name, tuple(there.values()))))
        elif not control_plane:
            raise ReconcileError(f"host {name} is there already: it has joined")
        if control_plane:
            self._become_master(name)

    def _become_master(self, name: str) -> None:
        stacked = not self.see().topology.etcd_apart
        self._preflight(name, stacked=stacked)
        masters = [host for host in self._hosts().values() if _API_SERVER in _programs(host)]
        for pod in self._manifests(name, masters):
            self.happen(WriteManifest(name, pod))
        if stacked:
            self._join_etcd(name, masters)
        self._mark(name)
        network = self.see().states.get(NETWORK)
        if network is not None:
            behind = network.masters
            if name not in behind:
                self.happen(SetBackends((*behind, name)))

    def _preflight(self, name: str, *, stacked: bool) -> None:
        """Refuse a machine on which something is that would be in the way."""
        host, path = self._hosts()[name], "/etc/kubernetes/manifests"
        if f"kubelet/{name}" not in self.see().processes:
            raise ReconcileError(f"kubelet/{name} does not run: kubeadm needs it")
        for program in (*_BRAINS, *(["etcd"] if stacked else [])):
            if program in _programs(host):
                file = f"{path}/{program}.yaml"
                raise ReconcileError(f"[ERROR FileAvailable-{file.replace('/', '-')}]: {file} already exists")

    def _manifests(self, name: str, masters: list[Any]) -> tuple[Any, ...]:
        plan = self._plan(name, masters)
        left = [program for program in _BRAINS if program not in self.see().topology.without]
        if plan is None:
            return tuple([static_pod(program) for program in left])
        made = [convert.load(each).object for each in kubeadm.control_plane(plan)]
        return tuple([pod for pod in made if pod.metadata.name in left])

    def _plan(self, name: str, masters: list[Any]) -> kubeadm.Plan | None:
        """Give what kubeadm writes manifests from; None where the first master's are not kubeadm's."""
        hosts, topology = self._hosts(), self.see().topology
        found = [pod for host in masters for pod in host.manifests if pod.metadata.name == _API_SERVER][:1]
        container = found[0].spec.containers[0] if found else None
        if container is None or not any(word.startswith("--advertise-address=") for word in container.command or ()):
            return None
        keepers = [each.host for each in member_list(self.see()) if each.part != "none"]
        members = keepers or [self.see().etcd or topology.keepers()[0]]
        if name not in members and not topology.etcd_apart:
            members.append(name)
        return kubeadm.Plan(
            name=name,
            ip=hosts[name].ip,
            version=(container.image or "").rpartition(":")[2],
            etcd_tag=ETCD,
            members={each: hosts[each].ip for each in members},
            known=len(members),
            service_cidr=topology.service_cidr,
            cluster_cidr=topology.cluster_cidr,
            apart=topology.etcd_apart,
        )

    # etcd -------------------------------------------------------------------------------------------------------------

    def _join_etcd(self, name: str, masters: list[Any]) -> None:
        """Let a member come about: added, started, promoted; one that begins a new cluster is a member already."""
        begins = self._begins(name)
        if not begins and self._part(name) == "none":
            self._change("learner", name)
        plan = self._plan(name, masters)
        pod = static_pod("etcd") if plan is None else convert.load(kubeadm.etcd(plan)).object
        self.happen(WriteManifest(name, pod))
        if not begins and self._part(name) != "voter":
            self._change("promote", name)

    def _begins(self, name: str) -> bool:
        """Tell whether a member on this host is to begin a cluster, from a snapshot that was restored."""
        keeping = self.see().members.get(name)
        led = any(each.role == "leader" for each in member_list(self.see()))
        return not led and keeping is not None and name in keeping.disk.log.snapshot.membership.voters

    def _part(self, name: str) -> str:
        return next((each.part for each in member_list(self.see()) if each.host == name), "none")

    def _change(self, kind: Literal["learner", "promote"], name: str) -> None:
        """Ask for a change until it is made."""
        wanted = "learner" if kind == "learner" else "voter"

        def is_made() -> str:
            try:
                if self._part(name) != wanted:
                    self.happen(ChangeMember(kind, name))
            except ReconcileError as error:
                return str(error)
            return "" if self._part(name) == wanted else "context deadline exceeded"

        self._until(is_made, _ETCD)

    # The Node ---------------------------------------------------------------------------------------------------------

    def _mark(self, name: str) -> None:
        """Label and taint the Node, as soon as it is there."""
        self._until(lambda: "" if self._node(name) is not None else f"nodes {name!r} not found", _BOOTSTRAP)
        body: dict[str, Any] = {"metadata": {"labels": _LABELS}}
        node = self._node(name)
        if self.see().topology.taint_masters:
            kept = convert.dump(node).get("spec", {}).get("taints", [])
            body["spec"] = {"taints": [each for each in kept if each.get("key") != _ROLE] + [_TAINT]}
        answer = self.ask(patch("nodes", name, body))
        if answer is None or not answer.ok:
            raise ReconcileError(f"node {name}: {'no answer' if answer is None else answer.body.message}")

    def _node(self, name: str) -> Any:
        answer = self.ask(get("nodes", name))
        return answer.body if answer is not None and answer.code == _OK else None

    # ------------------------------------------------------------------------------------------------------------------

    def _until(self, said: Callable[[], str], limit: Duration) -> None:
        """Try again until *said* says nothing."""
        end, looked = self.see().now + limit, -1
        while why := said():
            now = self.see().now
            if now in (end, looked):  # the time is up, of this or of the whole run
                raise ReconcileError(why)
            looked = now
            self.wait(min(_TRY_AGAIN, end - now))

    def _hosts(self) -> dict[str, Any]:
        return {name: status.host for name, status in self.see().hosts.items()}


def _programs(host: Any) -> tuple[str, ...]:
    return tuple([pod.metadata.name for pod in host.manifests])
