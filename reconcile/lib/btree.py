"""
A persistent B+tree: sorted, balanced, never changed. `Table` is made of it; nobody else sees its nodes.

A tree is a root and a height. At height 0 the root is a leaf: a plain dict of at most LEAF entries. Above, a node is a
list of at most FAN children and, last, the tuple of the keys that separate them: child n holds the keys from separator
n - 1 on, and below separator n. So `node[bisect_right(node[-1], key)]` is the child that a key belongs to, and one list
is all that a copy of a node copies. Every leaf is as far from the root as every other.

What is written copies the one path from the root to the leaf, and shares every other node with the tree before it. At
10,000 keys that are a dict of some thirty entries and two lists, each copied by one call into C. Nobody may write into
a node that a tree has.

- **Fan-out.** LEAF is what a dict of 64 places holds, so a leaf never takes a bigger one. A leaf is a dict and not a
  sorted tuple, as an entry is replaced far more often than leaves are read in order: to find and to replace are one
  call each, and need no comparison of keys, of which searching a tuple needs five. In which order the entries of a leaf
  stand is left open; who reads in order sorts each leaf as it comes to it, which is nearly sorted, for keys are mostly
  made in order.
- **Split and merge.** What grows beyond LEAF or FAN is cut into even parts. What shrinks below a quarter of that is
  joined with its neighbour, and cut again if both are too much for one; so every node but the root is at least a
  quarter full, and a key that comes and goes at a border does not split and merge each time. A root of one child gives
  way to that child.
- **Many writes** go down together, sorted, and copy each node once.
- **Differences** go down both trees at once, and leave out what both share. Two trees of one origin that differ in k
  leaves cost k paths.

The keys of one tree must be hashable and comparable with each other. A hash finds an entry in its leaf, and no order
comes from it: where a key stands, and how a tree is read, depends on the keys alone.

Source: Bayer and McCreight, Organization and Maintenance of Large Ordered Indexes, 1972; Comer, The Ubiquitous B-Tree,
1979, for leaves that hold everything; path copying: Driscoll et al., Making Data Structures Persistent, 1989.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Mapping
from itertools import pairwise
from operator import itemgetter
from typing import Any, Final, NamedTuple, TypeAlias

LEAF: Final = 42
FAN: Final = 64
FEW: Final = LEAF // 4
_FEW_CHILDREN: Final = FAN // 4

NOTHING: Final[Any] = object()
"""Stands for what is not there; None may be a value."""

Node: TypeAlias = Any
"""A leaf, {key: value}, or [child, ..., (separator, ...)]."""

Changed: TypeAlias = list[tuple[Any, Any, Any]]
"""Rows of (key, value before, value after)."""

_Placed: TypeAlias = list[tuple[Any, Node]]
"""Nodes of one height, each with the key from which on it holds; NOTHING for the first."""


class Writes:
    """
    What is to be written to a tree, and what came of it.

    Args:
        by_key: key -> value.
        gone: the value that takes its key away.
        absent: how a key that is not there reads; what is written as it is read is no write.
    """

    __slots__ = ("absent", "by_key", "changed", "gone", "grown")

    def __init__(self, by_key: Mapping[Any, Any], gone: Any, absent: Any) -> None:
        self.by_key = by_key
        self.gone = gone
        self.absent = absent
        self.grown = 0
        """How many more keys there are than before."""
        self.changed: Changed = []
        """What was not as it is, in key order."""


class _Level(NamedTuple):
    """What takes the place of a node that became too big, too small or empty: its pieces, and what separates them."""

    nodes: list[Node]
    separators: list[Any]


def built(entries: dict[Any, Any]) -> tuple[Node, int]:
    """Give the root and the height of a tree with these entries."""
    return _rooted(_leaves(entries), 0)


def opened(node: Node, height: int, key: Any) -> Node:
    """Give a copy of the leaf that *key* belongs to, below copies; *node*, the root, is one already."""
    while height:
        place = bisect_right(node[-1], key)
        child = node[place] = node[place].copy()
        node = child
        height -= 1
    return node


def written(root: Node, height: int, writes: Writes) -> tuple[Node, int]:
    """Give root and height of the tree with all *writes* made; they say themselves whether that changed anything."""
    keys: list[Any] = sorted(writes.by_key)
    if height:
        return _rooted(_written(root, height, keys, writes), height)
    return _rooted(_leaves_written([root, ()], keys, writes), 1)


def leaves(root: Node, height: int) -> list[dict[Any, Any]]:
    """Give every leaf, in order."""
    level = [root]
    for _ in range(height):
        level = [child for node in level for child in node[:-1]]
    return level


def between(root: Node, height: int, low: Any, high: Any) -> list[tuple[Any, Any]]:
    """Give the pairs from key *low* on and below key *high*, in order; it costs what is found."""
    level = [root]
    for _ in range(height):
        first, last = level[0], level[-1]
        start, end = bisect_right(first[-1], low), bisect_left(last[-1], high) + 1
        if len(level) == 1:
            level = first[start:end]
        else:  # every node between the first and the last lies within
            inner = [child for node in level[1:-1] for child in node[:-1]]
            level = [*first[start:-1], *inner, *last[:end]]
        if not level:
            return []
    return [(key, leaf[key]) for leaf in level for key in sorted(leaf) if low <= key < high]


def differences(ours: Node, our_height: int, theirs: Node, their_height: int) -> Changed:
    """Give (key, value in *theirs*, value in *ours*) where it is not the same object, or NOTHING, in key order."""
    mine, other = [(NOTHING, ours)], [(NOTHING, theirs)]
    for height in range(max(our_height, their_height), -1, -1):
        if height <= our_height and height <= their_height:
            mine, other = _apart(mine, other)
        if 0 < height <= our_height:
            mine = _below(mine)
        if 0 < height <= their_height:
            other = _below(other)
    after = {key: value for _, leaf in mine for key, value in leaf.items()}
    before = {key: value for _, leaf in other for key, value in leaf.items()}
    rows = [(key, before.get(key, NOTHING), value) for key, value in after.items()]
    rows = [row for row in rows if row[1] is not row[2]]
    rows += [(key, value, NOTHING) for key, value in before.items() if key not in after]
    return sorted(rows, key=itemgetter(0))


def _apart(mine: _Placed, other: _Placed) -> tuple[_Placed, _Placed]:
    """
    Leave out the nodes that two trees share, which stand in both from the same key on.

    (A shared node of which that is not so, as all before it are gone, is looked into: that finds no difference.)
    """
    ours, theirs = dict(mine), dict(other)
    return (
        [(low, node) for low, node in mine if theirs.get(low) is not node],
        [(low, node) for low, node in other if ours.get(low) is not node],
    )


def _below(level: _Placed) -> _Placed:
    return [pair for low, node in level for pair in zip((low, *node[-1]), node, strict=False)]


def _written(node: Node, height: int, keys: list[Any], writes: Writes) -> Node | _Level:
    """Give what takes the place of *node* when what is written to these keys, in order, is: one good node, or more."""
    if height == 1:
        return _leaves_written(node, keys, writes)
    separators = node[-1]
    fresh: Any = None
    irregular = False
    start = 0
    while start < len(keys):
        place = bisect_right(separators, keys[start])
        end = bisect_left(keys, separators[place], start) if place < len(separators) else len(keys)
        child = node[place]
        after = _written(child, height - 1, keys[start:end], writes)
        if after is not child:
            if fresh is None:
                fresh = node.copy()
            fresh[place] = after
            irregular = irregular or type(after) is _Level
        start = end
    if fresh is None:
        return node
    return _relaid(fresh, height) if irregular else fresh


def _leaves_written(node: Node, keys: list[Any], writes: Writes) -> Node | _Level:
    """Do the same for a node whose children are leaves."""
    by_key, gone, absent, changed = writes.by_key, writes.gone, writes.absent, writes.changed
    separators = node[-1]
    last = -1
    leaf = before = NOTHING
    touched: list[int] = []
    fresh = node.copy()
    for key in keys:
        place = bisect_right(separators, key)
        if place != last:
            last = place
            leaf = before = node[place]
        value = by_key[key]
        if before.get(key, absent) is value:
            continue
        if leaf is before:
            leaf = fresh[place] = before.copy()
            touched.append(place)
        if value is gone:
            changed.append((key, leaf.pop(key, NOTHING), NOTHING))
        else:
            changed.append((key, before.get(key, NOTHING), value))
            leaf[key] = value
    irregular = False
    for place in touched:
        leaf = fresh[place]
        size = len(leaf)
        writes.grown += size - len(node[place])
        if not FEW <= size <= LEAF:
            fresh[place] = _leaves(leaf)
            irregular = True
    if irregular:
        return _relaid(fresh, 1)
    return fresh if touched else node


def _relaid(node: Node, height: int) -> Node | _Level:
    """Make a node good again of whose children some are levels."""
    nodes: list[Node] = []
    separators: list[Any] = []
    for place, child in enumerate(node[:-1]):
        level = child if type(child) is _Level else _Level([child], [])
        if nodes and level.nodes:
            separators.append(node[-1][place - 1])
        nodes += level.nodes
        separators += level.separators
    level = _inner(nodes, separators, height)
    return level.nodes[0] if len(level.nodes) == 1 and not _is_sparse(level.nodes[0], height) else level


def _joined(left: Node, separator: Any, right: Node, height: int) -> _Level:
    """Make one node of two neighbours, or two that are filled evenly."""
    if not height:
        return _leaves({**left, **right})
    return _inner([*left[:-1], *right[:-1]], [*left[-1], separator, *right[-1]], height)


def _is_sparse(node: Node, height: int) -> bool:
    return len(node) <= _FEW_CHILDREN if height else len(node) < FEW


def _leaves(entries: dict[Any, Any]) -> _Level:
    """Lay entries out in leaves; one may be sparse if it is the only one."""
    if len(entries) <= LEAF:
        return _Level([entries] if entries else [], [])
    keys = sorted(entries)
    cuts = _cuts(len(keys), LEAF)
    nodes = [{key: entries[key] for key in keys[start:end]} for start, end in pairwise(cuts)]
    return _Level(nodes, [keys[cut] for cut in cuts[1:-1]])


def _inner(children: list[Node], separators: list[Any], height: int) -> _Level:
    """Lay children out in nodes of this height, the sparse ones joined; a node may be sparse if it is the only one."""
    place = 0
    while place < len(children) and len(children) > 1:
        if _is_sparse(children[place], height - 1):
            place = min(place, len(children) - 2)
            level = _joined(children[place], separators[place], children[place + 1], height - 1)
            children[place : place + 2] = level.nodes
            separators[place : place + 1] = level.separators
        else:
            place += 1
    if len(children) <= FAN:
        return _Level([[*children, tuple(separators)]] if children else [], [])
    cuts = _cuts(len(children), FAN)
    nodes = [[*children[start:end], tuple(separators[start : end - 1])] for start, end in pairwise(cuts)]
    return _Level(nodes, [separators[cut - 1] for cut in cuts[1:-1]])


def _cuts(count: int, most: int) -> list[int]:
    """Say where to cut *count* things, so that the parts are even and have room to grow."""
    parts = -(-count * 4 // (most * 3))
    return [count * part // parts for part in range(parts + 1)]


def _rooted(found: Node | _Level, height: int) -> tuple[Node, int]:
    """Give root and height of the tree that a node or a level makes."""
    while type(found) is _Level:
        if not found.nodes:
            return {}, 0
        if len(found.nodes) == 1:
            found = found.nodes[0]
        else:
            height += 1
            found = _inner(found.nodes, found.separators, height)
    while height and len(found) == 2:  # noqa: PLR2004 -- a child and no separators
        found, height = found[0], height - 1
    return found, height
