"""The command line: `reconcile run`, `replay`, `diff`, `get` and `step`."""

from __future__ import annotations

import gc

__all__ = ["main"]


def main(args: list[str] | None = None) -> None:
    """
    Run the command line, and exit: 0 all is well, 1 bad input, 2 not converged, diverged or different.

    Args:
        args: what follows the program's name; None takes them from the process.
    """
    try:
        from reconcile.adapters.cli.commands import cli  # noqa: PLC0415 -- `import reconcile.adapters.cli` stays light
    except ModuleNotFoundError as error:
        if error.name not in ("click", "rich", "yaml"):
            raise
        raise SystemExit(
            f"reconcile: the command line needs {error.name}: pip install 'reconcile[cli]' brings it"
        ) from None
    collecting = gc.isenabled()
    gc.disable()  # states are acyclic, and the process is short: see reconcile.driver.collector_paused
    try:
        cli.main(args=args, prog_name="reconcile")
    finally:
        gc.freeze()  # so that the interpreter does not walk all of a cluster once more when it ends
        if collecting:
            gc.enable()
