"""
Configuring: a container whose variables come from ConfigMaps and Secrets waits until it is told of each of them.

Takes:    answers to the reads that a start of a container asked for.
Gives:    all of them, once they are there.
Source:   the kubelet's makeEnvironmentVariables, which reads them as a container is created.
Left out: nothing known.
"""

from __future__ import annotations

from reconcile.components.kubelet.container import environment
from reconcile.components.kubelet.state import Container, State, with_seldom
from reconcile.lib.mapping import Map
from reconcile.model.requests import Response

_NOTHING: Map[Response] = Map()


def answered(
    state: State, place: str, container: Container | None, answer: dict[str, Response]
) -> tuple[State, environment.Answers | None]:
    """Take an answer in; give all that there are when it was the last one, if the container still waits for them."""
    rows = state.seldom.configuring
    if container is None or container.stage != "configuring":
        return (with_seldom(state, configuring=rows.remove(place)) if place in rows else state), None
    answers = rows.get(place, _NOTHING).merge(answer)
    if any(each not in answers for each in environment.named_by(container.spec)):
        return with_seldom(state, configuring=rows.set(place, answers)), None
    return (with_seldom(state, configuring=rows.remove(place)) if place in rows else state), answers
