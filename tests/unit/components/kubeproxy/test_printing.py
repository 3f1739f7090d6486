"""The text of a rule set; and, where there is one that may be asked, what the real iptables says to it."""

import shutil
import subprocess
import sys

import pytest

from reconcile.components.kubeproxy import Packet, iptables, route
from reconcile.components.kubeproxy.printing import rule_text
from reconcile.components.kubeproxy.rules import CERTAIN, Chance, Dnat, Jump, Local, Port, Rule
from reconcile.lib.dice import Dice

SVC4 = """\
-A KUBE-SEP-C6EBXVWJJZMIWKLZ -s 10.180.0.5/32 -m comment --comment "ns4/svc4:p80" -j KUBE-MARK-MASQ
-A KUBE-SEP-C6EBXVWJJZMIWKLZ -p tcp -m comment --comment "ns4/svc4:p80" -m tcp \
-j DNAT --to-destination 10.180.0.5:80
-A KUBE-SEP-UKSFD7AGPMPPLUHC -s 10.180.0.4/32 -m comment --comment "ns4/svc4:p80" -j KUBE-MARK-MASQ
-A KUBE-SEP-UKSFD7AGPMPPLUHC -p tcp -m comment --comment "ns4/svc4:p80" -m tcp \
-j DNAT --to-destination 10.180.0.4:80
-A KUBE-SERVICES -d 172.30.0.44/32 -p tcp -m comment --comment "ns4/svc4:p80 cluster IP" -m tcp --dport 80 \
-j KUBE-SVC-4SW47YFZTEDKD3PK
-A KUBE-SVC-4SW47YFZTEDKD3PK ! -s 10.0.0.0/8 -d 172.30.0.44/32 -p tcp -m comment --comment "ns4/svc4:p80 cluster IP" \
-m tcp --dport 80 -j KUBE-MARK-MASQ
-A KUBE-SVC-4SW47YFZTEDKD3PK -m comment --comment "ns4/svc4:p80 -> 10.180.0.4:80" \
-m statistic --mode random --probability 0.50000000000 -j KUBE-SEP-UKSFD7AGPMPPLUHC
-A KUBE-SVC-4SW47YFZTEDKD3PK -m comment --comment "ns4/svc4:p80 -> 10.180.0.5:80" -j KUBE-SEP-C6EBXVWJJZMIWKLZ
"""


def test_a_service_with_two_endpoints(make):
    piece = make.slice("ns4/svc4", make.endpoint("10.180.0.4"), make.endpoint("10.180.0.5"))
    rules = make.rules(make.backed(make.service("ns4", "svc4", "172.30.0.44"), piece))
    lines = "".join([f"{line}\n" for line in iptables(rules).splitlines() if "svc4" in line])
    assert lines == SVC4


def test_a_probability_is_printed_as_the_kernel_keeps_it():
    rule = Rule(matches=(Chance((CERTAIN + 1) // 3),), target=Jump("X"))
    assert rule_text("C", rule) == "-A C -m statistic --mode random --probability 0.33333333349 -j X"


def test_quotes_in_a_comment_are_escaped():
    assert rule_text("C", Rule(comment='a "b" \\', target="DROP")) == r'-A C -m comment --comment "a \"b\" \\" -j DROP'


def test_the_order_of_a_line_is_that_of_iptables_save():
    rule = Rule(
        source="10.0.0.0/8",
        elsewhere=True,
        destination="1.2.3.4",
        protocol="udp",
        comment="c",
        matches=(Local("dst"), Port(53)),
        target=Dnat("10.0.0.1", 5353),
    )
    assert rule_text("C", rule) == (
        '-A C ! -s 10.0.0.0/8 -d 1.2.3.4/32 -p udp -m comment --comment "c" -m addrtype --dst-type LOCAL '
        "-m udp --dport 53 -j DNAT --to-destination 10.0.0.1:5353"
    )


# The real one ---------------------------------------------------------------------------------------------------------


def in_a_network_of_its_own(*command, text=""):
    """Run *command* in a network namespace; skip, and say why, where that cannot be."""
    for tool in ("unshare", "ip", "iptables-restore", "iptables-save"):
        if shutil.which(tool) is None:
            pytest.skip(f"NOT TESTED against the real packet filter: there is no {tool} here")
    probe = ["unshare", "--net", "sh", "-c", "iptables-save && ip link set lo up"]
    permitted = subprocess.run(probe, capture_output=True, text=True, check=False)
    if permitted.returncode:
        pytest.skip(f"NOT TESTED against the real packet filter: not permitted here: {permitted.stderr.strip()}")
    return subprocess.run(["unshare", "--net", *command], input=text, capture_output=True, text=True, check=False)


def test_the_real_iptables_restore_accepts_it(five):
    done = in_a_network_of_its_own("iptables-restore", "--test", text=iptables(five))
    assert (done.returncode, done.stderr) == (0, "")


def test_the_real_iptables_save_prints_the_same_lines(five):
    done = in_a_network_of_its_own("sh", "-c", "iptables-restore && iptables-save", text=iptables(five))
    assert (done.returncode, done.stderr) == (0, "")
    chains, tables = {}, ""
    for line in done.stdout.splitlines():
        if line.startswith("*"):
            tables = line
        if line.startswith((":", "-A")):
            chains.setdefault((tables, line.lstrip(":-A ").split()[0]), []).append(line)
    ours = {}
    for line in iptables(five).splitlines():
        if line.startswith("*"):
            tables = line
        if line.startswith((":", "-A")):
            ours.setdefault((tables, line.lstrip(":-A ").split()[0]), []).append(line)
    assert chains == ours


# Run inside the namespace: endpoints that answer with their own address, and a client for each destination.
ASKING = """
import socket, subprocess, sys, threading
ENDPOINTS, DESTINATIONS, RULES = eval(sys.stdin.read())
def run(*command, text=""):
    subprocess.run(command, input=text, text=True, check=True)
run("ip", "link", "set", "lo", "up")
run("ip", "addr", "add", "192.168.1.1/32", "dev", "lo")
run("ip", "route", "add", "default", "dev", "lo", "src", "192.168.1.1")
for ip in sorted({ip for ip, _ in ENDPOINTS}):
    run("ip", "addr", "add", ip + "/32", "dev", "lo")
run("iptables-restore", text=RULES)
def serve(listener, name):
    while True:
        connection, _ = listener.accept()
        connection.sendall(name.encode())
        connection.close()
for ip, port in ENDPOINTS:
    listener = socket.create_server((ip, port))
    threading.Thread(target=serve, args=(listener, f"{ip}:{port}"), daemon=True).start()
def counted(target):
    saved = subprocess.run(["iptables-save", "-c"], capture_output=True, text=True, check=True).stdout
    return any(target in line and not line.startswith("[0:") for line in saved.splitlines())
found = {}
for destination in DESTINATIONS:
    found[destination] = {}
    for _ in range(60):
        try:
            with socket.create_connection(destination, timeout=0.5) as connection:
                outcome = connection.recv(100).decode()
        except (ConnectionRefusedError, TimeoutError):
            outcome = "REJECT" if counted("-j REJECT") else "DROP" if counted("-j DROP") else "lost"
        found[destination][outcome] = found[destination].get(outcome, 0) + 1
        if ":" not in outcome:
            run("iptables", "-Z")
            break
print(found)
"""


def test_the_real_kernel_sends_packets_where_route_does(make):
    ready = [make.endpoint(f"10.180.1.{n}") for n in (1, 2, 3)]
    sticky = [make.endpoint(f"10.180.2.{n}") for n in (1, 2)]
    fading = make.endpoint("10.180.3.1", ready=False, serving=True, terminating=True)
    rules = make.rules(
        make.backed(
            make.service("ns", "many", "172.30.0.1", make.port(node_port=30001), type="NodePort"),
            make.slice("ns/many", *ready, make.endpoint("10.180.1.9", ready=False), port=8080),
        ),
        make.backed(
            make.service("ns", "none", "172.30.0.2", make.port(node_port=30002), type="NodePort"), make.slice("ns/none")
        ),
        make.backed(
            make.service("ns", "sticky", "172.30.0.3", session_affinity="ClientIP"), make.slice("ns/sticky", *sticky)
        ),
        make.backed(make.service("ns", "fading", "172.30.0.4"), make.slice("ns/fading", fading)),
        make.backed(
            make.service("ns", "inside", "172.30.0.5", internal_traffic_policy="Local"),
            make.slice("ns/inside", make.endpoint("10.180.5.1")),
        ),
        make.backed(
            make.service(
                "ns", "out", "172.30.0.6", external_ips=("9.9.9.9",), type="ClusterIP", external_traffic_policy="Local"
            ),
            make.slice("ns/out", make.endpoint("10.180.6.1")),
        ),
    )
    endpoints = [
        (f"10.180.{ip}", port)
        for ip, port in (("1.1", 8080), ("1.2", 8080), ("1.3", 8080), ("1.9", 8080), ("2.1", 80), ("2.2", 80))
    ] + [(f"10.180.{ip}", 80) for ip in ("3.1", "5.1", "6.1")]
    destinations = [(f"172.30.0.{n}", 80) for n in range(1, 7)]
    destinations += [("192.168.1.1", 30001), ("192.168.1.1", 30002), ("127.0.0.1", 30001), ("9.9.9.9", 80)]
    asked = repr((endpoints, destinations, iptables(rules)))
    done = in_a_network_of_its_own(sys.executable, "-c", ASKING, text=asked)
    assert done.returncode == 0, done.stderr
    found = eval(done.stdout)
    dice = Dice(7, "packets")
    for destination in destinations:
        ours = set()
        for _ in range(100):
            packet = Packet(source="192.168.1.1", destination=destination[0], port=destination[1])
            verdict, dice = route(rules, packet, dice)
            ours.add(f"{verdict.destination}:{verdict.port}" if verdict.action == "ACCEPT" else verdict.action)
        if destination[0] == "172.30.0.3":
            assert len(found[destination]) == 1, "a client comes back to the endpoint that it had"
            assert set(found[destination]) < ours == {"10.180.2.1:80", "10.180.2.2:80"}
        else:
            assert set(found[destination]) == ours, destination
