"""
Drawing: programs from themes.

Takes:    the names of themes, and which hosts may fail.
Gives:    a strategy for schedules.
"""

from __future__ import annotations

from typing import Any, Final

from hypothesis import strategies as st

from reconcile.events import Reconnect, StartHost
from reconcile.lib.instant import SECOND
from reconcile.testing import schedules as plain
from reconcile.testing.mishaps import mishaps
from reconcile.testing.moves import Lag, Repair, Schedule, Strike, Wait, Wander
from reconcile.testing.programs import belonging, equipping, keeping, placing, scaling, working
from reconcile.testing.programs.words import ESTABLISHED, Theme

THEMES: Final[dict[str, Theme]] = {
    "plain": Theme(plain.manifests(), plain.moves),
    **scaling.THEMES,
    **working.THEMES,
    **keeping.THEMES,
    **placing.THEMES,
    **belonging.THEMES,
    **equipping.THEMES,
}
"""Every theme by its name."""


@st.composite
def programs(
    draw: st.DrawFn,
    hosts: tuple[str, ...] = (),
    *,
    themes: tuple[str, ...] = tuple(THEMES),
    most: int = 16,
    masters: tuple[str, ...] = (),
) -> Schedule:
    """
    Draw a program of one to three *themes*, with up to *most* moves; without *hosts* only users disturb.

    Where there are several *masters*, of *hosts*, links are cut, clocks go wrong, disks are slow, full or lost,
    processes freeze, and what goes between API servers and others is late.
    """
    names = draw(st.lists(st.sampled_from(themes), min_size=1, max_size=3, unique=True)) if len(themes) > 1 else themes
    chosen = [(THEMES[name], draw(THEMES[name].manifests)) for name in names]
    declared = [manifest for _, manifests in chosen for manifest in manifests]
    breaking = [_failures(hosts)] * 2 if hosts else []
    breaking += [mishaps(hosts, masters)] * 4 if masters else []
    moves = st.sampled_from((*[theme.moves(of) for theme, of in chosen] * 3, _WHENEVER, *breaking)).flatmap(
        lambda strategy: strategy
    )
    # Half of the programs begin with what is there, not with what is on its way; and two lists are longer than one.
    first = draw(st.sampled_from(((), (ESTABLISHED,))))
    drawn = (*draw(st.lists(moves, max_size=most // 2)), *draw(st.lists(moves, max_size=most - most // 2)))
    last = [move for theme, of in chosen for move in theme.last(of)]
    # What brings a theme to rest has to be heard.
    mended: list[Any] = [kind(host) for host in hosts for kind in (StartHost, Reconnect)] + [_BACK] * bool(hosts)
    mended = [Repair(), _BACK] if masters else mended
    unique = {(each["kind"], each["metadata"]["name"], each["metadata"].get("namespace")): each for each in declared}
    flat = [move for each in drawn for move in (each if isinstance(each, tuple) else (each,))]
    return Schedule(tuple(unique.values()), (*first, *flat, *mended, *last))


def _failures(hosts: tuple[str, ...]) -> st.SearchStrategy[Any]:
    return st.one_of(
        st.builds(Strike, plain.STRIKES, st.integers(0, 200)),
        st.builds(Lag, st.integers(0, 200), plain.TIMES),
        plain.outages(hosts),
    )


_BACK: Final = Wait(60 * SECOND)
_WHENEVER: Final = st.one_of(
    st.builds(Wander, st.integers(1, 120), st.integers(0, 2**16)),
    st.builds(Wander, st.integers(1, 60), st.integers(0, 2**16)),
    st.sampled_from((SECOND, 3 * SECOND, 20 * SECOND, 60 * SECOND)).map(Wait),
)
