"""Registries: an image takes its size by the bandwidth, which pulls share, and a pull fails as it is said."""

import pytest

from reconcile.components import world
from reconcile.effects import PullImage, Report, SetTimer
from reconcile.events import ImagePulled, ImagePullFailed, Ordered, TimerFired
from reconcile.lib.dice import Dice
from reconcile.lib.errors import ReconcileError
from reconcile.lib.instant import MILLISECOND, SECOND
from reconcile.model.behaviours import Behaviours
from reconcile.model.hosts import Host

IMAGES = {"a": "size 100", "b": "size 50", "gone": "absent", "slow": "pull 7s", "r.io/c": "size 40"}


class Played:
    """Orders at their instants, and what is reported when."""

    def __init__(self, **registries):
        behaviours = Behaviours.parse({"images": IMAGES, "registries": registries})
        assert Behaviours.parse(behaviours.document) == behaviours
        host = Host(name="node-1", ip="192.168.0.1", pod_cidr="10.244.1.0/24")
        self.state = world.begin(host, behaviours, Dice(1, "runtime/node-1"))
        self.timers = {}
        self.said = []

    def play(self, *orders):
        """Take orders, (instant, container, image) each."""
        rows = [(at, Ordered(at, PullImage("u", container, image))) for at, container, image in orders]
        while rows or self.timers:
            key, at = min(self.timers.items(), key=lambda row: row[1], default=(None, None))
            if rows and (at is None or rows[0][0] < at):
                at, event = rows.pop(0)
            else:
                del self.timers[key]
                event = TimerFired(at, key)
            self.state, effects = world.step(self.state, event)
            for effect in effects:
                if isinstance(effect, SetTimer):
                    self.timers[effect.key] = effect.at
                elif isinstance(effect, Report):
                    self.said.append((at, effect.report))
        return self.said


def arrivals(said):
    return [(at, report.container, report.took) for at, report in said if isinstance(report, ImagePulled)]


def test_an_image_takes_its_size_by_the_bandwidth():
    said = Played(**{"docker.io": {"bandwidth": 10, "latency": "200ms"}}).play((0, "x", "a"))
    assert arrivals(said) == [(10 * SECOND + 200 * MILLISECOND, "x", 10 * SECOND + 200 * MILLISECOND)]
    assert said[0][1].size == 100


def test_pulls_of_one_host_share_it():
    played = Played(**{"docker.io": {"bandwidth": 10}, "*": {"bandwidth": 20}})
    said = played.play((0, "x", "a"), (2 * SECOND, "y", "b"), (3 * SECOND, "z", "r.io/c"))
    # x alone for 2 s has 80 left; with y, 5 a second each: y is there after 10 s more, x 3 s after that.
    assert arrivals(said) == [
        (5 * SECOND, "z", 2 * SECOND),
        (12 * SECOND, "y", 10 * SECOND),
        (15 * SECOND, "x", 15 * SECOND),
    ]


def test_an_image_that_came_is_there_for_all_who_wait_and_later():
    said = Played(**{"*": {"bandwidth": 10}}).play((0, "x", "a"), (SECOND, "y", "a"), (60 * SECOND, "z", "a"))
    assert [(row[1], row[0] // SECOND) for row in arrivals(said)] == [("x", 19), ("y", 19), ("z", 60)]
    assert [report.present for _, report in said] == [False, False, False]


def test_without_a_bandwidth_an_image_takes_as_long_as_it_says():
    said = Played(**{"docker.io": {"latency": "1s"}}).play((0, "x", "slow"))
    assert arrivals(said) == [(8 * SECOND, "x", 8 * SECOND)]


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (
            "rate limited",
            "Unknown",
            "HEAD request to https://registry-1.docker.io/v2/library/a/manifests/latest: 429 Too Many Requests",
        ),
        ("unauthorized", "Unknown", "pull access denied, repository does not exist or may require authorization"),
        ("manifest unknown", "NotFound", "docker.io/library/a:latest: not found"),
        ("unavailable", "Unknown", "503 Service Unavailable"),
        ("unreachable", "Unknown", "dial tcp: lookup registry-1.docker.io: i/o timeout"),
    ],
)
def test_how_a_pull_fails(error, code, said):
    played = Played(**{"docker.io": {"failures": [{"error": error, "times": 2}]}})
    reports = [report for _, report in played.play((0, "x", "a"), (SECOND, "x", "a"), (2 * SECOND, "x", "a"))]
    assert [type(each) for each in reports] == [ImagePullFailed, ImagePullFailed, ImagePulled]
    message = reports[0].message
    name = 'failed to pull and unpack image "docker.io/library/a:latest"'
    assert message.startswith(f"rpc error: code = {code} desc = {name}: failed to resolve image: ")
    assert said in message


def test_by_chance():
    played = Played(**{"*": {"failures": [{"error": "unreachable", "probability": "25%"}]}})
    reports = [report for _, report in played.play(*[(n * 60 * SECOND, "x", "a") for n in range(400)])]
    failed = sum(isinstance(each, ImagePullFailed) for each in reports)
    assert 70 < failed < 130


def test_an_absent_image_is_unknown_to_its_registry():
    (report,) = [report for _, report in Played(**{"*": {"bandwidth": 5}}).play((0, "x", "gone"))]
    assert report.message.endswith("docker.io/library/gone:latest: not found")


@pytest.mark.parametrize(
    ("registry", "said"),
    [
        ({"bandwidth": "fast"}, "registries['r'].bandwidth:"),
        ({"speed": 1}, "registries['r'].speed: there is no such field"),
        ({"failures": [{"error": "odd", "times": 1}]}, "failures[0].error: must be one of rate limited,"),
        ({"failures": [{"error": "unreachable"}]}, "needs either 'times' or 'probability'"),
        ({"failures": [{"error": "unreachable", "times": 0}]}, "times: must be a number from 1 to 1,000,000, not 0"),
        (3, "registries['r']: must be a mapping, not 3"),
    ],
)
def test_a_bad_registry_is_told_of(registry, said):
    with pytest.raises(ReconcileError) as caught:
        Behaviours.parse({"registries": {"r": registry}})
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("logins", "login"),
    [((), None), ((("me", "wrong"),), None), ((("me", "word"),), 1), ((("you", "x"), ("me", "word")), 2)],
)
def test_a_registry_with_accounts_takes_a_login_of_its_own(logins, login):
    played = Played(**{"docker.io": {"accounts": {"me": "word"}}})
    state, effects = world.step(played.state, Ordered(0, PullImage("u", "c", "a", logins)))
    for timer in [effect for effect in effects if isinstance(effect, SetTimer)]:
        _, effects = world.step(state, TimerFired(timer.at, timer.key))
    (report,) = [effect.report for effect in effects if isinstance(effect, Report)]
    assert getattr(report, "login", None) == login
    assert isinstance(report, ImagePulled if login else ImagePullFailed)


def test_what_comes_over_a_line_knows_its_login_too():
    played = Played(**{"docker.io": {"accounts": {"me": "word"}, "bandwidth": 10}})
    played.state, (timer,) = world.step(played.state, Ordered(0, PullImage("u", "c", "a", (("me", "word"),))))
    played.state, effects = world.step(played.state, TimerFired(timer.at, timer.key))
    assert [effect.report.login for effect in effects if isinstance(effect, Report)] == [1]
    assert dict(world.containers(played.state).pulled)["a"]


@pytest.mark.parametrize(
    ("accounts", "why"),
    [
        (["me"], r"registries\['docker.io'\].accounts: must map users to passwords, not be \['me'\]"),
        ({"me": 7}, r"registries\['docker.io'\].accounts\['me'\]: "),
    ],
)
def test_accounts_that_cannot_be_read_are_refused(accounts, why):
    with pytest.raises(ReconcileError, match=why):
        Played(**{"docker.io": {"accounts": accounts}})
