"""
Reading: the command line of one of the control plane's programs.

`--flag=value`, `--flag value`, and `--flag` alone where it is a truth; of a flag that is given twice the last one
counts, but that the words of lists and maps add up.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from reconcile.lib.mapping import Map
from reconcile.model import gates
from reconcile.model.programs._facts import FLAGS, GATES, VERSIONS
from reconcile.model.programs.judging import failed, judged, unverified
from reconcile.model.programs.options import FALSE, NONE, TRUE, Options, Refusal
from reconcile.model.programs.values import fault

PROGRAMS: Final = ("etcd", "kube-apiserver", "kube-controller-manager", "kube-proxy", "kube-scheduler")

ELECTOR: Final = "leader-election-controller"
"""The part of a kube-apiserver that elects leaders, where CoordinatedLeaderElection is on."""

_ALONE: Final = ("bool", "version[=true]")  # types whose flag needs no value
_GATES: Final = "feature-gates"
_ADDING: Final = (
    "colonSeparatedMultimapStringString",
    "mapStringBool",
    "mapStringString",
    "stringArray",
    "stringToString",
    "strings",
)
_HELP: Final = ("h", "help", "version")
_ALL: Final = {"AllAlpha": "alpha", "AllBeta": "beta"}


def program_of(command: tuple[str, ...]) -> str:
    """Give the program that a command runs; empty if it is none of the control plane's."""
    name = command[0].rpartition("/")[2] if command else ""
    return name if name in PROGRAMS else ""


def version_of(image: str) -> str:
    """Give the version that an image's tag says, such as `v1.36.0`; empty if it has none."""
    name = image.partition("@")[0].rpartition("/")[2]
    return name.partition(":")[2]


@lru_cache(maxsize=1024)
def read(program: str, words: tuple[str, ...], image: str = "") -> Options | Refusal:
    """
    Read the flags of a program.

    Args:
        program: which, such as `kube-scheduler`.
        words: what follows its name on the command line.
        image: that it is run from; its tag says the version.
    """
    given = _go(words) if program == "etcd" else _posix(program, words)
    if isinstance(given, Refusal):
        return given
    version = version_of(image)
    minor = _minor(version)
    asked = _switched(given.get(_GATES, ""), minor) if program != "etcd" else {}
    if isinstance(asked, Refusal):
        return asked
    # An older version's modelled gates, where they are not as they are now.
    known = GATES[minor]
    older = {name: known.get(name, (False, True))[0] for name in gates.DEFAULTS if name in GATES[VERSIONS[-1]]}
    switched = {name: on for name, on in {**older, **asked}.items() if gates.DEFAULTS.get(name, on) != on}
    if not given and not switched and not version:
        return NONE
    options = Options(given=Map(given), gates=Map({**switched, **asked}), version=version)
    return judged(program, options) if given else options


def _minor(version: str) -> str:
    """Give the version of which the gates are known that *version* is one of; the newest if none is."""
    found = [known for known in VERSIONS if f"{version.removeprefix('v')}.".startswith(f"{known}.")]
    return found[0] if found else VERSIONS[-1]


# Kubernetes' programs -------------------------------------------------------------------------------------------------


def _posix(program: str, words: tuple[str, ...]) -> dict[str, str] | Refusal:
    known = FLAGS[program]
    given: dict[str, str] = {}
    rest = list(words)
    while rest:
        word = rest.pop(0)
        if word == "--" or not word.startswith("-") or word == "-":
            left = [*([] if word == "--" else [word]), *rest]
            if not left:
                break
            shown = " ".join(f'"{each}"' for each in left)
            return _wrong(f'"{program}" does not take any arguments, got [{shown}]')
        found = _flag(word, rest, known)
        if isinstance(found, Refusal):
            return found
        name, text = found
        why = fault(known[name], text)
        if why:
            return _wrong(f'invalid argument "{text}" for "--{name}" flag: {why}')
        if name in _HELP:
            return Refusal(0, ())
        given[name] = f"{given[name]},{text}" if name in given and known[name] in _ADDING else text
    return given


def _flag(word: str, rest: list[str], known: dict[str, str]) -> tuple[str, str] | Refusal:
    """Give the name and the text of the flag *word*, which may take the next word of the *rest*."""
    if not word.startswith("--"):
        name, text, has_text = word[1], word[2:].removeprefix("="), len(word) > 2  # noqa: PLR2004 -- a dash, a letter
        if name not in known:
            return _wrong(f"unknown shorthand flag: '{name}' in {word}")
        if has_text:
            return name, text
        if known[name] in _ALONE:
            return name, "true"
        return (name, rest.pop(0)) if rest else _wrong(f"flag needs an argument: '{name}' in {word}")
    name, equals, text = word[2:].partition("=")
    if not name or name[0] in "-=":
        return _wrong(f"bad flag syntax: {word}")
    name = name.replace("_", "-")
    if name not in known or name == "h":
        return _wrong(f"unknown flag: --{name}")
    if equals:
        return name, text
    if known[name] in _ALONE:
        return name, "true"
    return (name, rest.pop(0)) if rest else _wrong(f"flag needs an argument: --{name}")


def _wrong(why: str) -> Refusal:
    return Refusal(1, (f"Error: {why}",))


def _switched(text: str, minor: str) -> dict[str, bool] | Refusal:
    """Give the feature gates that *text* sets."""
    found: dict[str, bool] = {}
    unknown: list[str] = []
    known = GATES[minor]
    for pair in filter(None, [part.strip() for part in text.split(",")]):
        name, equals, value = pair.partition("=")
        name = name.strip().removeprefix("kube:")
        value = value.strip()
        if not equals:
            return failed([f"missing bool value for {name}"])
        if value not in (*TRUE, *FALSE):
            return failed([f"invalid value of {name}={value}, err: {fault('bool', value)}"])
        on = value in TRUE
        if name in _ALL or (name in gates.DEFAULTS and name not in GATES[VERSIONS[-1]]):
            found[name] = on  # a client's own gate, or one for many
        elif name not in known:
            unknown.append(f"unrecognized feature gate: {name}")
        elif known[name][1] and known[name][0] != on:
            fixed = str(known[name][0]).lower()
            unknown.append(f"cannot set feature gate {name} to {str(on).lower()}, feature is locked to {fixed}")
        else:
            found[name] = on
    unknown = unknown or [
        f"{name} is enabled, but depends on features that are disabled: [{needed}]"
        for name, needed in gates.lacking(found)
    ]
    return failed(unknown) if unknown else found


# etcd -----------------------------------------------------------------------------------------------------------------


def _go(words: tuple[str, ...]) -> dict[str, str] | Refusal:
    known = FLAGS["etcd"]
    given: dict[str, str] = {}
    rest = list(words)
    while rest:
        word = rest.pop(0)
        if not word.startswith("-") or word == "-":
            return unverified(f'"{word}" is not a valid flag')
        if word == "--":
            break
        name, equals, text = word.lstrip("-").partition("=")
        if name in _HELP:
            return Refusal(0, ())
        if name not in known:
            return Refusal(2, (f"flag provided but not defined: -{name}",))
        if not equals:
            if known[name] == "bool":
                text = "true"
            elif rest:
                text = rest.pop(0)
            else:
                return Refusal(2, (f"flag needs an argument: -{name}",))
        if fault(known[name], text):
            what, of = ("boolean value", "") if known[name] == "bool" else ("value", "flag ")
            return Refusal(2, (f'invalid {what} "{text}" for {of}-{name}: parse error',))
        given[name] = text
    return given
