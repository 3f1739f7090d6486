"""
What a container runtime runs, as a kubelet that starts finds it.

A kubelet that is started again does not start its containers again: it asks the runtime first. This is the answer.
"""

from __future__ import annotations

import attrs

from reconcile.lib.instant import Instant
from reconcile.lib.mapping import Map


@attrs.frozen(kw_only=True)
class RunningContainer:
    """
    A container that was started in a pod, running or not.

    Args:
        container: its name in the pod.
        container_id: as the runtime calls it.
        image: what it runs, as it was ordered.
        image_id: what that image was.
        attempt: how often it had been started before.
        started_at: when it last started; None while it starts.
        code: how it ended; None while it lives.
        reason: of its end: Completed, Error, OOMKilled, StartError.
        finished_at: when it ended.
        message: what it wrote to its termination message path; *tail*: the last of its log; both once it has ended.
        memory: what it uses, in bytes; *disk*: likewise; *volumes*: how full those are that it writes to, by name.
    """

    container: str
    container_id: str
    image: str
    image_id: str
    attempt: int
    started_at: Instant | None
    code: int | None = None
    reason: str = ""
    finished_at: Instant | None = None
    message: str = ""
    tail: str = ""
    memory: int = 0
    disk: int = 0
    volumes: Map[int] = Map()


@attrs.frozen(kw_only=True)
class RunningPod:
    """
    A pod that has a sandbox.

    Args:
        uid: the pod's.
        ip: its address.
        containers: in the order in which they were first started.
        lost: its sandbox is not ready any more.
    """

    uid: str
    ip: str
    containers: tuple[RunningContainer, ...] = ()
    lost: bool = False


@attrs.frozen(kw_only=True)
class Running:
    """
    What runs on a host, and what is there.

    Args:
        pods: every pod with a sandbox, by uid.
        images: name -> bytes.
        boots: how often the host was powered on again.
        pulled: images of which it is noted how they were pulled -> digests of logins; none if nobody needs one.
    """

    pods: tuple[RunningPod, ...] = ()
    images: Map[int] = Map()
    boots: int = 0
    pulled: Map[tuple[str, ...]] = Map()
