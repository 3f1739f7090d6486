"""The command line: `reconcile run`, `replay`, `diff`, `get` and `step`."""

from __future__ import annotations

import gc
import os
import signal
from threading import current_thread, main_thread
from types import FrameType

__all__ = ["main"]


def main(args: list[str] | None = None) -> None:
    """
    Run the command line, and exit: 0 all is well, 1 bad input, 2 not converged, diverged or different.

    Ctrl-C ends the process at once, except where a run is recorded, which ends between two of its steps.

    Args:
        args: what follows the program's name; None takes them from the process.
    """
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler and current_thread() is main_thread():
        signal.signal(signal.SIGINT, leave)
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


def leave(number: int, _: FrameType | None) -> None:
    """
    End the process at a signal, saying so.

    Not by an exception: half of a short command's time goes into imports, and what is thrown into the middle of one may
    come out of it as something else, or be printed and forgotten.
    """
    try:
        os.write(2, b"\ninterrupted\n" if number == signal.SIGINT else b"\nterminated\n")
    finally:
        os._exit(128 + number)
