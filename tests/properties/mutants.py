"""
Mutants: components with one rule broken on purpose, and which property is to say so.

Each is a function of pytest's monkeypatch, which puts the broken piece in place of the right one.
"""

from collections.abc import Callable
from types import SimpleNamespace

import attrs

from reconcile.api import meta_v1
from reconcile.components.apiserver.admission import quotas
from reconcile.components.apiserver.writing import evicting
from reconcile.components.controllers.autoscaling import limits
from reconcile.components.controllers.cloud import balancing
from reconcile.components.controllers.deletion import garbagecollector, namespace
from reconcile.components.controllers.policy.disruption import _controller as disruption
from reconcile.components.controllers.volumes import attachdetach
from reconcile.components.controllers.workloads.cronjob import sync as cron
from reconcile.components.controllers.workloads.cronjob import times
from reconcile.components.controllers.workloads.daemonset import managing
from reconcile.components.controllers.workloads.deployment import scaling as deployments
from reconcile.components.controllers.workloads.job import scaling, tracking
from reconcile.components.controllers.workloads.statefulset import podcontrol, rolling
from reconcile.components.scheduler.plugins import volume_restrictions
from reconcile.components.scheduler.plugins.dynamic_resources import allocating
from reconcile.components.world import sandboxes
from reconcile.lib.replacing import replace
from reconcile.model.requests import Request
from reconcile.store.indexes import is_ready


@attrs.frozen
class Mutant:
    """
    A rule that is broken.

    Args:
        breaks: the property, or what is said at rest.
        theme: of the programs that find it.
        put: puts it in place.
        most: how many programs it takes at most.
        moves: how many moves there are at most in a program.
    """

    breaks: str
    theme: str
    put: Callable
    most: int = 100
    moves: int = 16


def deletes_at_once(patch):
    """A StatefulSet's controller does not wait for its pods to end."""

    def deleted(self, pod):
        metadata = pod.metadata
        options = meta_v1.DeleteOptions(grace_period_seconds=0)
        yield (Request(verb="delete", resource="pods", namespace=metadata.namespace, name=metadata.name, body=options),)
        return ""

    patch.setattr(podcontrol.PodControl, "deleted", deleted)


def makes_all_at_once(patch):
    """A StatefulSet's controller does not wait until a pod is ready."""
    patch.setattr(rolling, "_PARALLEL", "OrderedReady")


def takes_the_first(patch):
    """A StatefulSet that shrinks begins with its lowest ordinal."""
    manage = rolling._Look.for_all

    def for_all(self, pods, handle):
        return manage(self, pods if handle != self.condemned else list(reversed(list(pods))), handle)

    patch.setattr(rolling._Look, "for_all", for_all)


def counts_ready_daemons(patch):
    """A DaemonSet's controller sees only pods that are ready."""
    by_node = managing.by_node
    patch.setattr(managing, "by_node", lambda pods: by_node(tuple([pod for pod in pods if is_ready(pod)])))


def one_too_many(patch):
    """A Job's controller makes one pod more than it may."""
    wanted = scaling._wanted
    patch.setattr(scaling, "_wanted", lambda desk: wanted(desk) and wanted(desk) + 1)


def replaces_at_once(patch):
    """A Job's controller makes another pod for one that still ends, whatever the policy says."""
    patch.setattr(scaling, "policies", SimpleNamespace(replaces_only_failed=lambda job: False))


def forgets_successes(patch):
    """A Job's controller does not mind what has succeeded."""
    patch.setattr(scaling, "_wanted", lambda desk: int(desk.look.job.spec.parallelism))


def repeats_indexes(patch):
    """A Job's controller takes an index that is done for one that is not."""
    pending = scaling._pending

    def again(desk, count):
        look = replace(desk.look, done=())
        return pending(replace(desk, look=look), count)

    patch.setattr(scaling, "_pending", again)


def forgets_when_suspended(patch):
    """A Job's controller counts anew when a Job is suspended."""
    written = tracking._written

    def fewer(desk):
        request = written(desk)
        if not desk.look.job.spec.suspend:
            return request
        return replace(request, body=replace(request.body, status=replace(request.body.status, succeeded=None)))

    patch.setattr(tracking, "_written", fewer)


def allows_all(patch):
    """A CronJob's controller lets its Jobs run at once."""
    due = cron._due

    def allowing(ask, look, schedule, found):
        spec = replace(look.cron.spec, concurrency_policy="Allow")
        return due(ask, replace(look, cron=replace(look.cron, spec=spec)), schedule, found)

    patch.setattr(cron, "_due", allowing)


def forgets_times(patch):
    """A CronJob's controller neither notes which time it ran, nor names its Jobs by it."""
    running, name = cron._running, times.job_name

    def forgetful(ask, look, job):
        cron_job = look.cron.status
        outcome = running(ask, look, job)
        calls = [
            replace(
                call,
                body=replace(
                    call.body,
                    status=replace(call.body.status, last_schedule_time=cron_job and cron_job.last_schedule_time),
                ),
            )
            if call.verb == "update"
            else call
            for call in outcome.calls
        ]
        return replace(outcome, calls=tuple(calls))

    patch.setattr(cron, "_running", forgetful)
    patch.setattr(times, "job_name", lambda job, at: f"{name(job, at)}-{len((job.status and job.status.active) or ())}")


def minds_no_budget(patch):
    """The API server evicts whoever it is asked to."""
    patch.setattr(evicting, "_taken", lambda ask, budget, pod: None)


def counts_the_going(patch):
    """The disruption controller takes a pod that goes for one that is healthy."""
    patch.setattr(disruption, "_healthy", lambda pods, disrupted, now: sum(map(is_ready, pods)))


def allows_more(patch):
    """The disruption controller allows one disruption too many."""
    status = disruption._status

    def wide(*args):
        found = status(*args)
        return replace(found, disruptions_allowed=(found.disruptions_allowed or 0) + 1)

    patch.setattr(disruption, "_status", wide)


def knows_no_bounds(patch):
    """An autoscaler does what its metrics ask for."""
    patch.setattr(limits, "_bounded", lambda current, desired, least, most: (desired, limits._WITHIN))
    patch.setattr(limits, "_rated", lambda spec, history, current, desired, least, now: (desired, limits._WITHIN))


def knows_no_rate(patch):
    """An autoscaler does not remember how it scaled."""
    patch.setattr(limits, "scaled", lambda spec, history, current, desired, now: history)


def waits_for_nobody(patch):
    """The garbage collector lets an owner go before its dependents."""
    patch.setattr(
        garbagecollector,
        "_wait_for_dependents",
        lambda ask, item: garbagecollector.Outcome(
            calls=(garbagecollector._without_finalizer(ask.key, item, garbagecollector.FOREGROUND),)
        ),
    )


def leaves_orphans_owned(patch):
    """The garbage collector lets an owner go whose orphans still name it."""
    patch.setattr(
        garbagecollector,
        "_orphan_dependents",
        lambda ask, item: garbagecollector.Outcome(
            calls=(garbagecollector._without_finalizer(ask.key, item, garbagecollector.ORPHAN),)
        ),
    )


def leaves_content(patch):
    """The namespace controller takes every namespace for empty."""
    patch.setattr(namespace, "_lists", lambda name, resources: ())


def rolls_too_wide(patch):
    """A Deployment's controller surges by one more."""
    surge = deployments.max_surge
    patch.setattr(deployments, "max_surge", lambda deployment: surge(deployment) + 1)


def attaches_anywhere(patch):
    """The attach-detach controller attaches a volume to whoever wants it."""
    patch.setattr(attachdetach, "_SHARED", ("ReadWriteOnce", "ReadWriteOncePod"))


def shares_claims(patch):
    """The scheduler does not mind who has a claim of one pod."""
    patch.setattr(volume_restrictions, "exclusive", lambda mounts, views: ())


def minds_no_quota(patch):
    """The API server charges a quota and never refuses."""
    patch.setattr(quotas, "_refuse", lambda ask, new, why: None)


def gives_one_address(patch):
    """A cloud gives every load balancer the same address."""
    patch.setattr(balancing, "_ingress", lambda cloud, ask, service: {"ip": "203.0.113.9"})


def gives_pods_one_address(patch):
    """A container runtime gives every pod of a host the same address."""
    given = sandboxes.given
    patch.setattr(
        sandboxes,
        "given",
        lambda state, host_network: given(replace(state, taken=0, last=0), host_network=host_network),
    )


def gives_devices_twice(patch):
    """The scheduler does not mind who has a device."""
    patch.setattr(allocating._Search, "_is_free", lambda self, claim, option, device: True)


MUTANTS = (
    Mutant("at most one pod of an ordinal", "claims", deletes_at_once, moves=12),
    Mutant("a StatefulSet keeps its order", "claims", makes_all_at_once),
    Mutant("a StatefulSet keeps its order", "claims", takes_the_first),
    Mutant("at most one daemon for a node", "daemons", counts_ready_daemons),
    Mutant("no more pods than parallelism", "jobs", one_too_many),
    Mutant("no more pods than parallelism", "jobs", replaces_at_once),
    Mutant("no more than completions", "jobs", forgets_successes),
    Mutant("each index succeeds once", "jobs", repeats_indexes),
    Mutant("what a Job has counted stays", "jobs", forgets_when_suspended),
    Mutant("never two at once under Forbid", "cron", allows_all, moves=20),
    Mutant("one Job for each time", "cron", forgets_times),
    Mutant("no eviction beyond a budget", "budgets", minds_no_budget),
    Mutant("no eviction beyond a budget", "budgets", counts_the_going, moves=12),
    Mutant("a budget allows what it has", "budgets", allows_more),
    Mutant("an autoscaler stays within its bounds", "autoscaling", knows_no_bounds),
    Mutant("an autoscaler keeps its policies' rate", "autoscaling", knows_no_rate),
    Mutant("owners go last, orphans stay", "owners", waits_for_nobody),
    Mutant("owners go last, orphans stay", "owners", leaves_orphans_owned),
    Mutant("nothing without its namespace", "namespaces", leaves_content),
    Mutant("a rollout keeps its bounds", "rollouts", rolls_too_wide),
    Mutant("a volume goes from node to node", "claims", attaches_anywhere),
    Mutant("a claim of one pod is of one pod", "volumes", shares_claims),
    Mutant("a device is one claim's at a time", "devices", gives_devices_twice),
    Mutant("no quota exceeded", "quotas", minds_no_quota),
    Mutant("no two services with one address", "balancers", gives_one_address),
    Mutant("no two pods with one address", "plain", gives_pods_one_address),
)
