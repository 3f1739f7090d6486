"""
Draw docs/architecture.svg from the `layers` contract in pyproject.toml, and what each layer knows.

    python docs/architecture.py            writes the picture
"""

import re
import sys
import tomllib
from html import escape
from pathlib import Path

HERE = Path(__file__).parent

# What each layer is, in a line.
WORDS = {
    "adapters": "the only I/O: command line, manifests, logs, the pipe",
    "testing": "fuzzing of convergence, Hypothesis strategies, golden scenarios",
    "driver": "step, choices, policies, run, log, replay",
    "properties": "named predicates over a Cluster",
    "cluster": "the Cluster value, topology, who hears what",
    "components": "etcd, apiserver, controllers, scheduler, kubelet, kubeproxy, election, recorder, world",
    "events": "what can happen: the input of step",
    "effects": "what is ordered: the output of step",
    "store": "what etcd keeps: Store, Txn, commit, history, leases",
    "model": "quantities, selectors, owners, conditions, patches",
    "api": "generated objects, the registry of resources",
    "lib": "table, timers, instant, dice, digest, errors: knows no Kubernetes",
}

LEGEND = "A module imports only from the rows below its own; only adapters touch the outside world."

WIDTH = 760
ROW = 46
GAP = 8
MARGIN = 16
FONT = "Helvetica, Arial, sans-serif"


def layers(settings: dict) -> list[list[str]]:
    """Return the layers of the contract in *settings* (pyproject.toml, read), high to low, siblings together."""
    contract = next(each for each in settings["tool"]["importlinter"]["contracts"] if each["id"] == "layers")
    return [[name.strip(" ()") for name in re.split(r"[|:]", layer)] for layer in contract["layers"]]


def svg(rows: list[list[str]]) -> str:
    """Return the picture: one row for each layer, siblings side by side, what is not pure in another colour."""
    height = MARGIN * 2 + len(rows) * ROW + (len(rows) - 1) * GAP + 30
    drawn = [
        f"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {WIDTH} {height}' font-family='{FONT}'>",
        f"<rect width='{WIDTH}' height='{height}' fill='#ffffff'/>",
    ]
    top = MARGIN
    for row in rows:
        width = (WIDTH - 2 * MARGIN - GAP * (len(row) - 1)) / len(row)
        for position, name in enumerate(row):
            drawn.extend(_box(name, MARGIN + position * (width + GAP), top, width))
        top += ROW + GAP
    drawn.append(f"<text x='{MARGIN}' y='{top + 12}' font-size='12' fill='#444444'>{LEGEND}</text>")
    drawn.append("</svg>")
    return "\n".join(drawn) + "\n"


def _box(name: str, left: float, top: int, width: float) -> list[str]:
    inner = left + 12
    fill, stroke = ("#fde8d7", "#c2571a") if name == "adapters" else ("#e3edf9", "#2f6db5")
    return [
        f"<rect x='{left:g}' y='{top}' width='{width:g}' height='{ROW}' rx='5' fill='{fill}' stroke='{stroke}'/>",
        f"<text x='{inner:g}' y='{top + 19}' font-size='14' font-weight='bold' fill='#111111'>{escape(name)}</text>",
        f"<text x='{inner:g}' y='{top + 36}' font-size='12' fill='#333333'>{escape(WORDS[name])}</text>",
    ]


def main() -> int:
    """Write the picture."""
    settings = tomllib.loads((HERE.parent / "pyproject.toml").read_text(encoding="utf-8"))
    (HERE / "architecture.svg").write_text(svg(layers(settings)), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
