"""
etcdctl: what its `member list -w table` prints of a cluster.

Takes:    a Cluster.
Gives:    the lines of a table, and the cluster's id.
Source:   etcd 3.6, etcdctl/ctlv3/command/printer_table.go.
Left out: the other forms of output.
"""

from __future__ import annotations

from typing import Final

from reconcile.cluster.cluster import Cluster
from reconcile.driver.operating.members import member_list

_HEAD: Final = ("ID", "STATUS", "NAME", "PEER ADDRS", "CLIENT ADDRS", "IS LEARNER")


def member_table(cluster: Cluster) -> list[str]:
    """Give the table of those who belong to etcd's cluster, by their ids."""
    rows = [_HEAD]
    for each in sorted(member_list(cluster, lone=True), key=lambda listed: listed.id):
        if each.part != "none":
            known = ("started", each.host) if each.started else ("unstarted", "")
            client = each.client_url if each.started else ""
            rows.append((f"{each.id:x}", *known, each.peer_url, client, str(each.part == "learner").lower()))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    rule = f"+{'+'.join(['-' * (width + 2) for width in widths])}+"
    head, *body = rows
    titles = [_centred(title, width) for title, width in zip(head, widths, strict=True)]
    lines = [[cell.rjust(width) for cell, width in zip(row, widths, strict=True)] for row in body]
    return [rule, _line(titles), rule, *map(_line, lines), rule]


def _line(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _centred(text: str, width: int) -> str:
    left = (width - len(text)) // 2
    return (" " * left + text).ljust(width)
