"""
The commands and their options; what each does is in a module of its own, imported when it is called.

Exit status: 0 all is well; 1 bad input, said on standard error; 2 the answer is no: not converged, diverged, different.
"""

from __future__ import annotations

import errno
import os
import signal
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import click

from reconcile.adapters.own import raised_by
from reconcile.lib.errors import ReconcileError
from reconcile.lib.instant import Duration, parse_duration
from reconcile.lib.version import __version__
from reconcile.model.balancers import KINDS, Balancer, usual

_BAD_INPUT: Final = 1
_KILLED: Final = 128  # and the number of the signal
_CUT_OFF: Final = 141  # 128 + SIGPIPE
_FILE: Final = click.Path(path_type=Path)
_SEED: Final = click.IntRange(-(2**63), 2**63 - 1)  # as many bits as a log's numbers have


class _Program(click.Group):
    """A group whose every way to end is one of the exit statuses above, without a traceback for bad input."""

    def main(self, *args: Any, **extra: Any) -> Any:
        """Run a command; as click's own, but for the exit statuses."""
        play: Any = super().main
        if not extra.pop("standalone_mode", True):
            return play(*args, standalone_mode=False, **extra)
        try:
            status = play(*args, standalone_mode=False, **extra)
            if sys.stdout is not None:
                sys.stdout.flush()
        except click.ClickException as error:
            error.show()
            status = _BAD_INPUT
        except click.Abort as abort:
            # click makes it of the KeyboardInterrupt that came.
            number = getattr(abort.__context__, "signal", signal.SIGINT)
            click.echo("interrupted" if number == signal.SIGINT else "terminated", err=True)
            status = _KILLED + number
        except ReconcileError as error:
            click.echo(f"error: {error}", err=True)
            status = _BAD_INPUT
        except SystemExit:
            # So click ends when whoever read our output has enough of it, having made the streams silent.
            status = _CUT_OFF
        except OSError as error:
            # Files are opened, read and written where their errors get their names; what is left are the streams.
            status = _CUT_OFF if error.errno == errno.EPIPE else _BAD_INPUT
            _silence(sys.stdout)
            if status == _BAD_INPUT:
                with suppress(OSError):
                    click.echo(f"error: the output cannot be written: {error.strerror}", err=True)
            _silence(sys.stderr)
        except Exception as error:
            said = raised_by(error)
            if not said:
                raise
            click.echo(f"error: {said}", err=True)
            status = _BAD_INPUT
        sys.exit(status if isinstance(status, int) else 0)


def _silence(stream: Any) -> None:
    """Let a stream lead nowhere, so that the interpreter does not fail to flush it once more."""
    with suppress(OSError, ValueError, AttributeError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _duration(_: click.Context, __: click.Parameter, value: str) -> Duration:
    try:
        found = parse_duration(value)
    except ReconcileError as error:
        raise click.BadParameter(str(error)) from None
    if found <= 0:
        raise click.BadParameter(f"{value!r} is no time to run in")
    return found


_controllers: Final = click.option(
    "--controllers",
    "own",
    multiple=True,
    metavar="MODULE:NAME",
    help="Controllers of your own: one, or a tuple of them, in a Python module. Can be given more than once.",
)


_explanations: Final = click.option(
    "--explain",
    multiple=True,
    type=click.Choice(["log", "pods"]),
    help="Say why pods are scheduled as they are: in the log, as annotations of the pods. Can be given more than once.",
)


_disks: Final = click.option(
    "--manifests",
    "disks",
    multiple=True,
    metavar="[HOST=]DIR",
    help="Static pods on a host's disk, such as a master's /etc/kubernetes/manifests. Can be given more than once.",
)


@click.group(cls=_Program, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="reconcile")
def cli() -> None:
    """A Kubernetes cluster as a value: run manifests on it, replay the run, compare runs."""


@cli.command()
@click.argument("manifests", nargs=-1, type=_FILE)
@click.option("-k", "--kustomize", multiple=True, type=_FILE, metavar="DIR", help="Build this kustomization, apply it.")
@click.option("-R", "--recursive", is_flag=True, help="Look for manifests in directories of directories as well.")
@click.option("--skip-unknown", is_flag=True, help="A kind that is not known is no error; name what was left.")
@click.option("--nodes", type=click.IntRange(min=1), help="How many nodes.  [default: 3, or the topology's]")
@click.option("--masters", type=click.IntRange(min=1), help="How many of them carry the control plane.  [default: 1]")
@click.option("--members", type=click.IntRange(min=1), help="How many masters have etcd.  [default: an odd number]")
@click.option("--balancer", type=click.Choice(KINDS), help="What stands before API servers.  [default: round-robin]")
@click.option("--seed", type=_SEED, default=0, help="Where all chance comes from.  [default: 0]")
@click.option("--record", type=_FILE, metavar="FILE", help="Write the run's log there.")
@click.option(
    "--detail",
    type=click.Choice(["steps", "changes"]),
    default="changes",
    show_default=True,
    help="What the log holds: a mark for each step, or also what each changed.",
)
@click.option("--topology", type=_FILE, metavar="FILE|FORM", help="The machines: a file, or one of kubeadm's forms.")
@_disks
@click.option("--behaviours", type=_FILE, metavar="FILE", help="What images do, as schemas/behaviours.json says.")
@click.option("--kubelet-config", type=_FILE, metavar="FILE", help="Of all kubelets: a KubeletConfiguration (v1beta1).")
@click.option("--stages", multiple=True, type=_FILE, metavar="PATH", help="KWOK's stages, for nodes that are fake.")
@click.option("--scheduler-config", type=_FILE, metavar="FILE", help="A KubeSchedulerConfiguration (v1).")
@_explanations
@click.option("--scenario", type=_FILE, metavar="FILE", help="What happens when, as schemas/scenario.json says.")
@click.option("--limit", callback=_duration, default="30m", show_default=True, help="Virtual time to converge in.")
@click.option("-n", "--namespace", default="default", show_default=True, help="For objects that name none.")
@click.option("-v", "--v", "verbosity", type=int, default=0, help="6: request lines; 8, 9: and bodies; on stderr.")
@click.option("-q", "--quiet", is_flag=True, help="Show no progress.")
@click.option(
    "--from", "origin", type=_FILE, metavar="LOG", help="Boot nothing: go on with this recorded run or session."
)
@click.option(
    "--at", metavar="TIME", help="From this time of it (RFC 3339, or 12.5s after power-on).  [default: its end]"
)
@click.option("--until", type=click.IntRange(min=0), metavar="N", help="From what it was after N steps.")
@_controllers
def run(**options: Any) -> int:
    """
    Boot a cluster, apply MANIFESTS (files, directories, `-`), and wait until it has become what they declare.

    With --from, go on from some instant of a recorded run instead, as if nothing had followed it.

    At the end it says which of that nothing here acts upon.

    Exits 0 if it has; 2 if it has not, and says what waits for what; 1 for bad input.
    """
    from reconcile.adapters.cli.run import Options, run_manifests  # noqa: PLC0415

    if options["origin"] is not None:
        from reconcile.adapters.cli.onward import run_on  # noqa: PLC0415

        return run_on(Options(**options))
    for name in ("at", "until"):
        if options[name] is not None:
            raise ReconcileError(f"--{name}: is for a run that goes on: name its log with --from")
    return run_manifests(Options(**options))


@cli.command()
@click.argument("log", type=_FILE)
@click.argument("manifests", nargs=-1, type=_FILE)
@click.option("--until", type=click.IntRange(min=0), metavar="N", help="Stop after N steps, and print what is there.")
@click.option("--at", metavar="TIME", help="Stop at this time (RFC 3339, or 12.5s after power-on), and print.")
@click.option("--fork", type=_FILE, metavar="NEW", help="Go on from there in a new log, applying MANIFESTS.")
@click.option("-n", "--namespace", help="Print the objects of this namespace only; with --fork: for objects without.")
@click.option("-A", "--all-namespaces", is_flag=True, help="Print the objects of kube-system as well.")
@click.option("--limit", callback=_duration, default="30m", show_default=True, help="Virtual time for a fork.")
@click.option("-q", "--quiet", is_flag=True, help="Show no progress of a fork.")
@_controllers
def replay(**options: Any) -> int:
    """
    Play LOG again and compare every step with what was recorded.

    Exits 0 if it is identical; 2 if it diverges, and says at which step and in which fields; 1 if the log is damaged.
    """
    from reconcile.adapters.cli.replay import Options, replay_log  # noqa: PLC0415

    return replay_log(Options(**options))


@cli.command()
@click.argument("one", type=_FILE)
@click.argument("other", type=_FILE)
@click.option(
    "--ignore",
    multiple=True,
    metavar="FIELD",
    help="A field not to compare, `timestamps` for every time; instead of those that are ignored by default.",
)
@_controllers
def diff(one: Path, other: Path, ignore: tuple[str, ...], own: tuple[str, ...]) -> int:
    """
    Compare two recorded runs: where they first part, and how their ends differ.

    Exits 0 if they are the same; 2 if they differ; 1 if a log is damaged.
    """
    from reconcile.adapters.cli.diff import diff_logs  # noqa: PLC0415

    return diff_logs(one, other, ignore, own)


@cli.command()
@click.argument("resources", metavar="RESOURCE[,RESOURCE...]")
@click.argument("names", nargs=-1)
@click.option("--log", type=_FILE, required=True, metavar="FILE", help="The recorded run.")
@click.option("--until", type=click.IntRange(min=0), metavar="N", help="As it was after N steps.")
@click.option("--at", metavar="TIME", help="As it was at this time (RFC 3339, or 12.5s after power-on).")
@click.option("-n", "--namespace", default="default", show_default=True, help="Of this namespace.")
@click.option("-A", "--all-namespaces", is_flag=True, help="Of all namespaces.")
@click.option("-o", "--output", type=click.Choice(["wide", "name", "json", "yaml"]), help="How to print.")
@_controllers
def get(**options: Any) -> int:
    """Print objects of a recorded run as kubectl get does; `members` as `etcdctl member list -w table` does."""
    from reconcile.adapters.cli.get import Options, print_objects  # noqa: PLC0415

    return print_objects(Options(**options))


@cli.command()
@click.argument("what", type=click.Choice(["pod", "drain", "room", "fit"]))
@click.argument("names", nargs=-1, required=True)
@click.option("--log", type=_FILE, required=True, metavar="FILE", help="The recorded run.")
@click.option("--until", type=click.IntRange(min=0), metavar="N", help="As it was after N steps.")
@click.option("--at", metavar="TIME", help="As it was at this time (RFC 3339, or 12.5s after power-on).")
@click.option("-n", "--namespace", default="default", show_default=True, help="Where the pods are.")
@click.option(
    "--scheduler-config",
    type=_FILE,
    metavar="FILE",
    help="Under this KubeSchedulerConfiguration (v1).  [default: the run's]",
)
@click.option("-o", "--output", type=click.Choice(["json", "annotations"]), help="How to print.")
@click.option("--recorded", is_flag=True, help="What was said of each decision when it was taken, as the log has it.")
@_controllers
def explain(**options: Any) -> int:
    """
    Say why pods of a recorded run go where they go, or what would become of them.

    `pod NAME...`: what each plugin says of each node. `drain NODE...`: where the nodes' pods would go, and who could
    not. `room NAME...`: how many more such pods would fit. `fit FILE...`: where the pods that manifests declare would
    go, one after the other. Exits 2 if a pod would find no node.
    """
    from reconcile.adapters.cli.explain import Options, explain  # noqa: PLC0415

    return explain(Options(**options))


@cli.command()
@click.option("--nodes", type=click.IntRange(min=1), default=3, show_default=True, help="How many nodes.")
@click.option("--masters", type=click.IntRange(min=1), default=1, show_default=True, help="How many of them masters.")
@click.option("--members", type=click.IntRange(min=1), help="How many with etcd.  [default: an odd number of them]")
@click.option("--balancer", type=click.Choice(KINDS), help="What stands before API servers.  [default: round-robin]")
@click.option("--seed", type=_SEED, default=0, help="Where all chance comes from.  [default: 0]")
@_controllers
def step(  # noqa: PLR0917 -- the options' order
    nodes: int, masters: int, members: int | None, balancer: str | None, seed: int, own: tuple[str, ...]
) -> None:
    """Read events as JSON lines on standard input, write effects and answers as JSON lines on standard output."""
    from reconcile.adapters.cli.step import serve_standard_streams  # noqa: PLC0415
    from reconcile.cluster.topology import Topology, stacked  # noqa: PLC0415

    front = usual(masters) if balancer is None else Balancer(kind=balancer)  # type: ignore[arg-type]  # click has checked it
    keepers = stacked(masters) if members is None else members
    serve_standard_streams(Topology(nodes=nodes, masters=masters, members=keepers, balancer=front), seed, own)


@cli.command()
@click.argument("manifests", nargs=-1, type=_FILE)
@click.option("--nodes", type=click.IntRange(min=0), help="How many; 0: no scheduler, no kubelet.  [default: 3]")
@click.option("--masters", type=click.IntRange(min=1), help="How many of them carry the control plane.  [default: 1]")
@click.option("--topology", type=_FILE, metavar="FILE|FORM", help="The machines: a file, or one of kubeadm's forms.")
@_disks
@click.option("--behaviours", type=_FILE, metavar="FILE", help="What images do, as schemas/behaviours.json says.")
@click.option("--kubelet-config", type=_FILE, metavar="FILE", help="Of all kubelets: a KubeletConfiguration (v1beta1).")
@click.option("--stages", multiple=True, type=_FILE, metavar="PATH", help="KWOK's stages, for nodes that are fake.")
@click.option("--scheduler-config", type=_FILE, metavar="FILE", help="A KubeSchedulerConfiguration (v1).")
@_explanations
@click.option(
    "--without",
    multiple=True,
    metavar="PART",
    help="Leave out kube-scheduler, kube-controller-manager, kube-proxy, kubelet or a controller; may be repeated.",
)
@click.option("--seed", type=_SEED, default=0, help="Where all chance comes from.  [default: 0]")
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen at.")
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="0 for any that is free.  [default: 0]")
@click.option(
    "--kubeconfig",
    type=_FILE,
    default=Path("kubeconfig"),
    show_default=True,
    help="Write the admin's kubeconfig there.",
)
@click.option("--speed", default="max", show_default=True, help="How fast time goes: a factor, max, manual or held.")
@click.option("--record", type=_FILE, metavar="FILE", help="Write the session's log there.")
@click.option(
    "--webhook-service",
    multiple=True,
    metavar="NAMESPACE/NAME=URL",
    help="Who answers for a webhook's service, such as default/hook=https://127.0.0.1:9443; may be repeated.",
)
@click.option("--audit-policy-file", type=_FILE, metavar="FILE", help="What to audit: a Policy of audit.k8s.io/v1.")
@click.option("--audit-log-path", metavar="FILE", help="Write the audit log there; - is standard output.")
@click.option("--data", type=_FILE, metavar="DIR", help="Keep everything there, and go on from there after a restart.")
@_controllers
def serve(**options: Any) -> int:
    """
    Serve a whole control plane to kubectl and every other client of Kubernetes, until interrupted.

    MANIFESTS are applied first.
    """
    try:
        from reconcile.adapters.cli.serve import Options, serve_cluster  # noqa: PLC0415
    except ModuleNotFoundError as error:
        raise ReconcileError(f"serving needs the extra [serve]: {error.name} is not installed") from None

    return serve_cluster(Options(**options))


@cli.command()
@click.argument("form", type=click.Choice(["single", "stacked", "external-etcd"]))
@click.option("--masters", type=click.IntRange(min=1), default=3, show_default=True, help="How many masters.")
@click.option("--workers", type=click.IntRange(min=0), default=2, show_default=True, help="How many other nodes.")
@click.option("--members", type=click.IntRange(min=1), default=3, show_default=True, help="How many hosts of etcd.")
@click.option("--kubernetes", "version", default="v1.36.0", show_default=True, help="The version of the images.")
@click.option("-o", "--out", type=_FILE, metavar="DIR", help="Write files there, each host's manifests by themselves.")
def topology(**options: Any) -> None:
    """
    Write a cluster as kubeadm builds it: one topology on standard output, or a directory of files.

    In the directory: topology.yaml, manifests/HOST/*.yaml as they lie in /etc/kubernetes/manifests, and addons.yaml.
    """
    from reconcile.adapters.cli.machines import write_form  # noqa: PLC0415

    write_form(options.pop("form"), **options)
