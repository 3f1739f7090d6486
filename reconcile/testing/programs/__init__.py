"""
Hypothesis strategies for programs: what users of every kind of workload do, and what happens to them.

A program has one to three themes. A theme is a few manifests that belong together, an autoscaler with what it scales,
a budget with what it covers, and what users then do to them. A theme that is not drawn costs nothing.

    boot = settle(Cluster.boot(world(), seed=1)).cluster

    @given(programs(hosts=("node-1", "node-2")))
    def test_it_converges(schedule):
        assert not play(boot, schedule, past=WAYS).problems

Takes:    the names of themes, and which hosts may fail.
Gives:    schedules.
Left out: what `reconcile.testing.schedules` draws, other than as the theme `plain`.
"""

from reconcile.testing.programs.drawing import THEMES, programs
from reconcile.testing.programs.words import Theme
from reconcile.testing.programs.world import LOOSE, WAYS, world

__all__ = ["LOOSE", "THEMES", "WAYS", "Theme", "programs", "world"]
