"""
Blocks: the text of a scenario, command by command.

Datadriven form, as etcd's raft has it: a comment, a command (perhaps with a document below it), `----`, the output, an
empty line.
"""

from __future__ import annotations

from typing import Final

import attrs

from reconcile.lib.errors import ReconcileError

RULE: Final = "----"


@attrs.frozen
class Block:
    """One command of a scenario: the comment above it, the command with its document, and what it printed."""

    comment: tuple[str, ...]
    command: str
    document: str
    output: str = ""

    @property
    def words(self) -> list[str]:
        """What follows the command's name."""
        return self.command.split()[1:]

    def text(self) -> str:
        """Give the block as it stands in a file."""
        return "\n".join([*self.comment, self.command, *([self.document] if self.document else []), RULE, self.output])


def read(text: str) -> tuple[Block, ...]:
    """
    Read a scenario file.

    Raises:
        ReconcileError: a command has no `----` after it; its line is shown.
    """
    blocks: list[Block] = []
    lines = text.split("\n")
    place = 0
    while place < len(lines):
        if not lines[place].strip():
            place += 1
            continue
        start = place
        while place < len(lines) and lines[place].startswith("#"):
            place += 1
        comment, command_at = tuple(lines[start:place]), place
        try:
            rule = lines.index(RULE, command_at)
        except ValueError:
            raise ReconcileError(f"line {command_at + 1}: {lines[command_at]!r} has no {RULE} after it") from None
        place = rule + 1
        while place < len(lines) and lines[place].strip():
            place += 1
        document = "\n".join(lines[command_at + 1 : rule])
        blocks.append(Block(comment, lines[command_at], document, "\n".join(lines[rule + 1 : place])))
    return tuple(blocks)
