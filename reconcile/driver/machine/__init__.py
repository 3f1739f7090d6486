"""The machine that a cluster is stepped in, and everything that can happen in it."""

from reconcile.driver.machine.applications.parcels import arrived
from reconcile.driver.machine.happening import carry, fire, happen, next_step, play_now, turn
from reconcile.driver.machine.hosts.freezing import freeze_process, thaw_process
from reconcile.driver.machine.hosts.heartbeats import hold, lapse
from reconcile.driver.machine.hosts.killing import kill_container, lose_sandbox
from reconcile.driver.machine.machine import Machine
from reconcile.driver.machine.members.members import set_timers
from reconcile.driver.machine.members.messages import heard, rouse_members, synced, write_all
from reconcile.driver.machine.network.reach import unpark
from reconcile.driver.machine.processes import (
    begin,
    end,
    exit_process,
    launch,
    lose,
    reach_changed,
    report,
)
from reconcile.driver.machine.requests.agreeing import decided, tell_member
from reconcile.driver.machine.requests.calls import execute, give_back, hear_webhook
from reconcile.driver.machine.requests.webhooks import waits_for
from reconcile.driver.machine.watching.watches import cut, deliver, hold_back, release, skip

__all__ = [
    "Machine",
    "arrived",
    "begin",
    "carry",
    "cut",
    "decided",
    "deliver",
    "end",
    "execute",
    "exit_process",
    "fire",
    "freeze_process",
    "give_back",
    "happen",
    "hear_webhook",
    "heard",
    "hold",
    "hold_back",
    "kill_container",
    "lapse",
    "launch",
    "lose",
    "lose_sandbox",
    "next_step",
    "play_now",
    "reach_changed",
    "release",
    "report",
    "rouse_members",
    "set_timers",
    "skip",
    "synced",
    "tell_member",
    "thaw_process",
    "turn",
    "unpark",
    "waits_for",
    "write_all",
]
