"""
Kustomizations: built by the machine's own kustomize, or kubectl, which has it inside; there is no other of them here.

Takes:    a directory with a kustomization.
Gives:    Manifest values.
Left out: building one on a machine that has neither program.
"""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Final

from reconcile.adapters.manifests import Manifest, ManifestError, read_text

_PROGRAMS: Final = (("kubectl", "kustomize"), ("kustomize", "build"))
_LONGEST: Final = 120.0  # seconds; a kustomization may fetch others


def built(directory: Path) -> tuple[Manifest, ...]:
    """
    Return every object of a kustomization.

    Raises:
        ManifestError: it cannot be built, there is nothing to build it with, or what comes of it is not what it should
            be.
    """
    place = str(directory)
    for program, *words in _PROGRAMS:
        found = shutil.which(program)
        if found is not None:
            return read_text(_output([found, *words, place], program, place), f"{place} (kustomization)")
    names = " nor ".join([program for program, _ in _PROGRAMS])
    raise ManifestError(f"a kustomization needs a program that builds it, and neither {names} is on the PATH", place)


def _output(command: list[str], program: str, place: str) -> bytes:
    try:
        # No shell is between: the directory is one word whatever is in its name.
        done = subprocess.run(command, capture_output=True, check=False, timeout=_LONGEST, stdin=subprocess.DEVNULL)  # noqa: S603
    except OSError as error:
        raise ManifestError(f"{program} cannot be started: {error.strerror}", place) from None
    except subprocess.TimeoutExpired:
        raise ManifestError(f"{program} has not built it after {_LONGEST:g} s", place) from None
    if done.returncode:
        said = " ".join(done.stderr.decode(errors="replace").split()).removeprefix("error: ")
        raise ManifestError(f"{program} cannot build it: {said or f'exit status {done.returncode}'}", place)
    return done.stdout
