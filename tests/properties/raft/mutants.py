"""
Mutants of Raft: each breaks one rule, and the schedule beside it shows what then goes wrong.

The schedule is a seed of `world.played`, or one of `scenes`, for what chance seldom brings about.
"""

from contextlib import contextmanager
from unittest import mock

import attrs

from reconcile.components.etcd import raft
from reconcile.components.etcd.raft import elections, log, member, reads, replication, values


@contextmanager
def _all(changes):
    first, *others = changes
    with mock.patch.object(first[0], first[1], first[2]):
        if others:
            with _all(others):
                yield
        else:
            yield


def votes_for_any_log():
    return [(log.Log, "is_up_to_date", lambda *_: True)]


def votes_again_and_again():
    on_request = elections.on_request

    def forgetful(bench, asked):
        if not asked.pre:
            bench.vote = values.NOBODY
        on_request(bench, asked)

    return [(elections, "on_request", forgetful)]


def forgets_its_vote():
    def write(disk, order):
        return attrs.evolve(log.written(disk, order), vote="")

    return [(raft, "written", write)]


def forgets_its_term():
    def write(disk, order):
        return attrs.evolve(log.written(disk, order), term=disk.term)

    return [(raft, "written", write)]


def forgets_what_is_committed():
    def write(disk, order):
        return attrs.evolve(log.written(disk, order), commit=0)

    return [(raft, "written", write)]


def half_is_a_quorum():
    return [(values.Membership, "quorum", property(lambda self: max(len(self.voters) // 2, 1)))]


def learners_vote():
    def commit(bench):
        if bench.role != "leader":
            return
        everyone = bench.membership.everyone
        has = [bench.stable if name == bench.name else bench.progress[name].match for name in everyone]
        index = sorted(has, reverse=True)[bench.membership.quorum - 1]
        if index > bench.commit and bench.log.term_at(index) == bench.term:
            bench.commit = index
            replication.apply(bench)
            for name in bench.progress:
                replication.feed(bench, name, empty=True)

    return [(replication, "commit", commit)]


def does_not_wait_for_the_disk():
    return [(member.Bench, "send_once_written", member.Bench.send)]


def counts_what_it_has_not_written():
    commit = replication.commit

    def early(bench):
        stable, bench.stable = bench.stable, bench.log.last
        commit(bench)
        bench.stable = min(stable, bench.log.last)

    return [(replication, "commit", early)]


def commits_entries_of_earlier_terms():
    def commit(bench):
        if bench.role != "leader":
            return
        has = [bench.stable if name == bench.name else bench.progress[name].match for name in bench.membership.voters]
        index = sorted(has, reverse=True)[bench.membership.quorum - 1]
        if index > bench.commit:
            bench.commit = index
            replication.apply(bench)
            for name in bench.progress:
                replication.feed(bench, name, empty=True)

    return [(replication, "commit", commit)]


def appends_whatever_comes_before():
    on_append = replication.on_append

    def careless(bench, message):
        known = bench.log.term_at(message.index)
        on_append(bench, message if known is None else attrs.evolve(message, log_term=known))

    return [(replication, "on_append", careless)]


def keeps_what_does_not_fit():
    on_append = replication.on_append

    def keeping(bench, message):
        new = tuple([entry for entry in message.entries if bench.log.term_at(entry.index) is not None])
        kept = tuple([bench.log.between(entry.index, entry.index)[0] for entry in new])
        on_append(bench, attrs.evolve(message, entries=kept + message.entries[len(kept) :]))

    return [(replication, "on_append", keeping)]


def believes_any_commit():
    on_append = replication.on_append

    def believing(bench, message):
        on_append(bench, message)
        if bench.log.term_at(message.index) is not None:
            bench.commit = max(bench.commit, min(message.commit, bench.log.last))

    return [(replication, "on_append", believing)]


def reads_without_asking():
    def on_read(bench, tag, asker):
        if bench.role == "leader" and asker == bench.name:
            bench.readable(tag, bench.commit)

    return [(reads, "on_read", on_read)]


def reads_before_it_has_committed():
    term_at = log.Log.term_at
    on_read = reads.on_read

    def early(bench, tag, asker):
        with mock.patch.object(
            log.Log, "term_at", lambda self, index: bench.term if index == bench.commit else term_at(self, index)
        ):
            on_read(bench, tag, asker)

    return [(reads, "on_read", early)]


def counts_old_rounds():
    confirm = reads.confirm

    def old(bench):
        bench.reads = tuple([attrs.evolve(read, round=0) for read in bench.reads])
        confirm(bench)

    return [(reads, "confirm", old)]


def changes_the_membership_twice_at_once():
    refusal = replication._refusal

    def careless(bench, data):
        change, bench.change = bench.change, 0
        try:
            return refusal(bench, data)
        finally:
            bench.change = change

    return [(replication, "_refusal", careless)]


def installs_a_snapshot_of_the_past():
    def on_snapshot(bench, message):
        bench.install(message.snapshot)
        bench.send_once_written(values.Appended(bench.name, message.sender, bench.term, message.snapshot.index))

    return [(replication, "on_snapshot", on_snapshot)]


def a_snapshot_does_not_say_who_belongs():
    install = member.Bench.install

    def partly(bench, snapshot):
        before = bench.membership
        install(bench, snapshot)
        if before.voters:
            bench.membership = before

    return [(member.Bench, "install", partly)]


def applies_what_is_only_appended():
    apply = member.Bench.apply

    def early(bench):
        bench.commit = bench.stable
        apply(bench)

    return [(member.Bench, "apply", early)]


# Each mutant, and by what it is caught: the seed of the first schedule to look at, or a scene.
CAUGHT = (
    (votes_for_any_log, 1),
    (votes_again_and_again, 6),
    (forgets_its_vote, 0),
    (forgets_its_term, 1),
    (forgets_what_is_committed, "who_has_the_second_change_knows_of_the_first"),
    (half_is_a_quorum, 1),
    (learners_vote, "only_a_learner_has_it"),
    (does_not_wait_for_the_disk, 15),
    (counts_what_it_has_not_written, 190),
    (commits_entries_of_earlier_terms, "an_entry_of_an_earlier_term_is_on_most"),
    (appends_whatever_comes_before, 21),
    (keeps_what_does_not_fit, 13),
    (believes_any_commit, "a_tail_that_does_not_fit_is_as_long"),
    (reads_without_asking, 81),
    (reads_before_it_has_committed, "a_leader_is_asked_before_it_has_committed_anything"),
    (counts_old_rounds, "an_answer_to_an_older_round_is_late"),
    (changes_the_membership_twice_at_once, "two_members_join_at_once"),
    (installs_a_snapshot_of_the_past, "a_snapshot_comes_again_late"),
    (a_snapshot_does_not_say_who_belongs, "a_laggard_learns_of_a_change_by_a_snapshot"),
    (applies_what_is_only_appended, 4),
)


def mutated(mutant):
    """Give a context in which *mutant* holds."""
    return _all(mutant())
