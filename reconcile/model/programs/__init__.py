"""
Programs: what the control plane's programs make of their command lines.

Takes:    a container's image and command, or the flags alone.
Gives:    the options that were set, or how the program ends because of them.
Source:   spf13/pflag and Go's flag; component-base/featuregate; the programs' own `--help` (schemas/generate_flags.py).
Left out: files that flags name are not read; a flag that help hides is unknown.
"""

from reconcile.model.programs.controllers import controllers_left_out
from reconcile.model.programs.options import NONE, TRUE, Options, Refusal
from reconcile.model.programs.reading import ELECTOR, PROGRAMS, program_of, read, version_of
from reconcile.model.programs.values import ports_of

__all__ = [
    "ELECTOR",
    "NONE",
    "PROGRAMS",
    "TRUE",
    "Options",
    "Refusal",
    "controllers_left_out",
    "ports_of",
    "program_of",
    "read",
    "version_of",
]
