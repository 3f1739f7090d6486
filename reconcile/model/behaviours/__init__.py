"""
Behaviours: what an image or a container does when it runs, as data.

A behaviour is written as clauses with commas between them, or as a mapping that says the same:

    pull 2s, start 1s, ready after 3s, exit 1 after 30s with probability 0.1

    pull DURATION          how long the image takes to come, when the host does not have it
    again DURATION         how long it takes to find out that the host has it already (imagePullPolicy: Always)
    size QUANTITY          how big it is
    absent                 there is no such image: a pull fails
    preloaded              every host has it from the start
    start DURATION         from the order to start until the container runs
    start fails            it cannot be started (exit code 128, StartError)
    ready after DURATION   from then on readiness and startup probes succeed
    readiness fails after DURATION, liveness fails after DURATION
    exit CODE after DURATION [with probability P], oom after DURATION [with probability P]
                           how it ends by itself; of several, at most one happens
    exit CODE with probability P a day
                           by chance, on each day of its life
    exit CODE without SERVICE, exit CODE when disk is full, exit CODE when PATH is full
                           for what it sees, when it looks every ten seconds: the service does not answer; its
                           host, or the volume that it writes to, has no more room
    works off QUEUE each DURATION, works one of QUEUE each DURATION
                           it takes items of work, and ends with 0
    writes AMOUNT to PATH  how much of what it has written lies there
    runs                   it does not end by itself, whatever its command says
    stop DURATION [with code CODE]
                           from SIGTERM until it has ended, and how
    ignores SIGTERM        it ends only when its grace is over, by SIGKILL
    cpu AMOUNT, memory AMOUNT
                           how much it uses, up to its limit; of memory beyond that it is killed (OOMKilled)
    metric NAME AMOUNT     what it says of itself, as a custom metric
    needs SERVICE          readiness and startup probes succeed only while this service has a ready endpoint
    logs "LINE"            what it writes when it starts; once for each line
    logs "LINE" per request
                           what it writes for each request that comes to its pod
    message "TEXT"         what it writes to its termination message path before it ends
    disk AMOUNT            what it uses of its host's disk while it runs
    answers "ACTION" [ready after DURATION] [fails [after DURATION]] [takes DURATION]
                           how it answers a probe or a hook: a glob for GET :8080/healthz, tcp :5432,
                           grpc :9000/SERVICE, exec cat /tmp/healthy; of several that fit the first counts

An AMOUNT is a quantity, a ramp (`64Mi..512Mi over 1h`, from when the container started) or a day's curve in UTC
(`daily 08:00=100m 20:00=2`), and after it, if need be, what each request a second adds: `50m + 2m per request`.
Requests come in by services: see `Behaviours.load`.

A DURATION may be a range, `2s..5s`, of which the host draws. A probability is exact: `0.1`, `10%`, `1/10`.

What an image does can be said of single containers instead, by their pod's labels, their name, their command: see
`Rule`. `pull`, `again`, `size`, `absent` and `preloaded` are the image's alone.
"""

from reconcile.model.behaviours.behaviour import KILLED, Behaviour, Cause, Ending, Fill, Hazard, Line, Reply, Span, Work
from reconcile.model.behaviours.curves import Amount, Curve, parse_amount, parse_curve
from reconcile.model.behaviours.lookup import Behaviours, Described, Rule, untagged
from reconcile.model.behaviours.reading import fraction, parse_behaviour
from reconcile.model.behaviours.writing import last_words, served, written

__all__ = [
    "KILLED",
    "Amount",
    "Behaviour",
    "Behaviours",
    "Cause",
    "Curve",
    "Described",
    "Ending",
    "Fill",
    "Hazard",
    "Line",
    "Reply",
    "Rule",
    "Span",
    "Work",
    "fraction",
    "last_words",
    "parse_amount",
    "parse_behaviour",
    "parse_curve",
    "served",
    "untagged",
    "written",
]
