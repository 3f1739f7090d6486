"""Objects as the API server shows them in its messages."""

from reconcile.api import core_v1, internals, meta_v1
from reconcile.lib.mapping import Map
from reconcile.lib.replacing import replace


def test_every_field_is_there_in_its_order():
    port = core_v1.ServicePort(port=80, protocol="TCP")
    assert internals.text(port) == (
        '{"Name":"","Protocol":"TCP","AppProtocol":null,"Port":80,"TargetPort":0,"NodePort":0}'
    )


def test_what_belongs_to_all_kinds_is_shown_as_clients_see_it():
    owner = meta_v1.OwnerReference(api_version="v1", kind="Pod", name="a", uid="1", controller=True)
    assert internals.text((owner,)) == '[{"apiVersion":"v1","kind":"Pod","name":"a","uid":"1","controller":true}]'
    selector = meta_v1.LabelSelector(match_labels=Map({"a": "<b>"}))
    assert internals.text(selector) == '{"matchLabels":{"a":"\\u003cb\\u003e"}}'


def test_a_pods_security_holds_what_it_has_of_the_host():
    spec = core_v1.PodSpec(containers=(), host_network=True, security_context=core_v1.PodSecurityContext())
    assert internals.internal(spec)["SecurityContext"]["HostNetwork"] is True


def test_a_difference_is_a_unified_diff_of_unnamed_files():
    old = core_v1.ServicePort(port=80, protocol="TCP")
    assert internals.difference(old, replace(old, port=81)) == (
        '@@ -2,7 +2,7 @@\n  "Name": "",\n  "Protocol": "TCP",\n  "AppProtocol": null,\n- "Port": 80,\n+ "Port": 81,\n'
        '  "TargetPort": 0,\n  "NodePort": 0\n }\n'
    )
    assert internals.difference(old, old) == ""
