"""What becomes of containers by what there is around them while they run."""

import pytest

from reconcile.components import world
from reconcile.components.world import living
from reconcile.effects import CancelTimer, LookAround, ProbeContainer, Report, RunPodSandbox, SetTimer, StartContainer
from reconcile.events import ContainerExited, ContainerUses, Ordered, Surrounded, TimerFired
from reconcile.lib.dice import Dice
from reconcile.lib.instant import HOUR, MINUTE, SECOND
from reconcile.lib.mapping import Map
from reconcile.model.behaviours import Behaviours
from reconcile.model.hosts import Host

MI = 1 << 20
LOOK = ("look", "u", "web")
DAY = 24 * HOUR


@pytest.fixture
def running():
    class Running:
        """A container that runs since the first second, and what it does when it looks around."""

        def __init__(self, behaviour, memory=0, cpu=0, seed=1, capacity=None):
            host = Host(name="node-1", ip="192.168.0.1", pod_cidr="10.244.1.0/24", capacity=capacity or {})
            behaviours = Behaviours.parse({"sandbox": "0s", "images": {"web": f"start 0s, {behaviour}"}})
            self.state = world.begin(host, behaviours, Dice(seed, "runtime/node-1"))
            self.said = []
            self.hear(Ordered(SECOND, RunPodSandbox("default/web", "u")))
            order = StartContainer("u", "web", "web:1", 0, "default/web", memory=memory, cpu=cpu)
            self.hear(Ordered(SECOND, order))

        def hear(self, event):
            self.state, effects = world.step(self.state, event)
            self.said = list(effects)
            return self.said

        def timers(self):
            return {effect.key: effect.at for effect in self.said if isinstance(effect, SetTimer)}

        def look(self, at, **seen):
            (asked,) = self.hear(TimerFired(at, LOOK))
            assert asked == LookAround("u", "web")
            return self.hear(Surrounded(at, "u", "web", **seen))

        def reports(self, kind):
            return [
                effect.report for effect in self.said if isinstance(effect, Report) and isinstance(effect.report, kind)
            ]

    return Running


def test_who_says_nothing_of_the_kind_never_looks(running):
    assert LOOK not in running("memory 64Mi, cpu 20m + 1m per request").timers()
    assert running("memory 64Mi + 1Mi per request").timers()[LOOK] == SECOND + living.FIRST


def test_what_is_used_is_told_when_it_is_another(running):
    web = running("memory 64Mi + 1Mi per request")
    web.look(2 * SECOND, requests=0)
    assert web.reports(ContainerUses) == []
    web.look(12 * SECOND, requests=10**10)
    assert web.reports(ContainerUses) == [ContainerUses("u", "web", 74 * MI, 0)]
    assert web.timers() == {LOOK: 22 * SECOND}
    web.look(22 * SECOND, requests=10**10)
    assert web.reports(ContainerUses) == []


def test_a_ramp_that_is_over_is_not_looked_at(running):
    web = running("disk 1Gi..2Gi over 20s")
    web.look(11 * SECOND)
    assert web.reports(ContainerUses) == [ContainerUses("u", "web", 0, 1536 * MI)]
    assert LOOK in web.timers()
    web.look(21 * SECOND)
    assert (web.reports(ContainerUses), web.timers()) == ([ContainerUses("u", "web", 0, 2048 * MI)], {})


def test_requests_can_make_memory_short(running):
    web = running("memory 64Mi + 1Mi per request, exit 0 after 1h", memory=100 * MI)
    web.look(12 * SECOND, requests=36 * 10**9)
    assert web.reports(ContainerExited) == []
    web.look(22 * SECOND, requests=37 * 10**9)
    (ended,) = web.reports(ContainerExited)
    assert (ended.code, ended.reason) == (137, "OOMKilled")
    assert CancelTimer(("exit", "u", "web")) in web.said
    assert web.hear(TimerFired(32 * SECOND, LOOK)) == []


def test_a_service_that_is_not_there_ends_who_cannot_do_without(running):
    web = running("exit 3 without db, exit 4 without other/cache")
    web.look(2 * SECOND)
    assert web.reports(ContainerExited) == []
    web.look(12 * SECOND, missing=("other/cache",))
    assert [(ended.code, ended.reason) for ended in web.reports(ContainerExited)] == [(4, "Error")]


def test_a_full_disk_ends_who_cannot_do_without(running):
    web = running("size 1Gi, disk 1Gi..9Gi over 80s, exit 5 when disk is full", capacity={"ephemeral-storage": "5Gi"})
    web.look(40 * SECOND)
    assert web.reports(ContainerExited) == []
    web.look(41 * SECOND)
    assert [ended.code for ended in web.reports(ContainerExited)] == [5]


def test_some_end_by_chance_on_each_day(running):
    days = [
        (running("exit 7 with probability 1/4 a day", seed=seed).timers()[("exit", "u", "web")]) for seed in range(60)
    ]
    first = sum(at < DAY for at in days)
    assert 8 <= first <= 24  # 15 are to be expected
    assert len({at % DAY for at in days}) == len(days)
    web = running("exit 7 with probability 1 a day")
    (at,) = web.timers().values()
    assert at < DAY + SECOND
    web.hear(TimerFired(at, ("exit", "u", "web")))
    assert [ended.code for ended in web.reports(ContainerExited)] == [7]
    assert running("exit 7 with probability 0 a day").timers() == {}


def test_an_end_that_comes_before_chance_counts(running):
    web = running("exit 1 after 1m, exit 7 with probability 1/1000000 a day")
    assert web.timers() == {("exit", "u", "web"): SECOND + MINUTE}


def test_who_lacks_processors_answers_slowly(running):
    web = running('cpu 100m + 10m per request, answers "GET :80/" takes 100ms', cpu=500 * 10**6)

    def asked(at):
        web.hear(Ordered(at, ProbeContainer("u", "web", "liveness", "GET :80/", SECOND)))
        (due,) = web.timers().values()
        return due - at

    assert asked(2 * SECOND) == SECOND // 10
    web.look(12 * SECOND, requests=90 * 10**9)  # one processor is wanted, half of one may be used
    assert asked(13 * SECOND) == SECOND // 5
    web.look(22 * SECOND, requests=10 * 10**9)
    assert asked(23 * SECOND) == SECOND // 10


def test_what_is_written_to_volumes_is_told_and_what_is_written_elsewhere_is_of_the_layer(running):
    web = running("disk 10Mi, writes 0..1Gi over 100s to /tmp, writes 5Mi to /var")
    web.look(2 * SECOND, layer=5 * MI, volumes=Map({"tmp": 7 * MI}))
    assert web.reports(ContainerUses) == [ContainerUses("u", "web", 0, 15 * MI, Map({"tmp": 7 * MI}))]
    web.look(12 * SECOND, layer=5 * MI, volumes=Map({"tmp": 7 * MI}))
    assert web.reports(ContainerUses) == []
    assert LOOK in web.timers()
    web.look(120 * SECOND, layer=5 * MI, volumes=Map({"tmp": 1024 * MI}))
    assert LOOK not in web.timers()


def test_a_path_without_room_ends_who_writes_to_it(running):
    web = running("writes 1Gi to /data, exit 28 when /data is full")
    web.look(2 * SECOND, full=("/other",))
    assert web.reports(ContainerExited) == []
    web.look(12 * SECOND, full=("/data",))
    assert [ended.code for ended in web.reports(ContainerExited)] == [28]


def test_what_is_written_once_is_looked_at_once(running):
    web = running("writes 1Gi to /data")
    assert web.timers()[LOOK] == 2 * SECOND
    web.look(2 * SECOND, volumes=Map({"data": 1024 * MI}))
    assert LOOK not in web.timers()
