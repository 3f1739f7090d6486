"""Labels by which a new pod's rules about others are narrowed become part of their selectors."""

import pytest

from reconcile.api.convert import dump


def term(**more):
    return {"topologyKey": "zone", "labelSelector": {"matchLabels": {"app": "web"}}, **more}


def expression(operator, value, key="hash"):
    return {"key": key, "operator": operator, "values": [value]}


@pytest.mark.parametrize("rules", ["podAffinity", "podAntiAffinity"])
def test_terms_say_what_the_pod_is(server, pod, rules):
    pod["metadata"]["labels"] = {"app": "web", "hash": "1", "team": "a"}
    given = term(matchLabelKeys=["hash", "absent"], mismatchLabelKeys=["team"])
    pod["spec"]["affinity"] = {
        rules: {
            "requiredDuringSchedulingIgnoredDuringExecution": [given],
            "preferredDuringSchedulingIgnoredDuringExecution": [{"weight": 1, "podAffinityTerm": given}],
        }
    }
    made = dump(server.made("pods", pod))["spec"]["affinity"][rules]
    wanted = [expression("In", "1"), expression("NotIn", "a", "team")]
    required = made["requiredDuringSchedulingIgnoredDuringExecution"][0]
    preferred = made["preferredDuringSchedulingIgnoredDuringExecution"][0]["podAffinityTerm"]
    assert required["labelSelector"] == preferred["labelSelector"]
    assert required["labelSelector"] == {"matchLabels": {"app": "web"}, "matchExpressions": wanted}
    assert required["matchLabelKeys"] == ["hash", "absent"]


def spread(**more):
    return {"maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "DoNotSchedule", **more}


def test_constraints_say_what_the_pod_is(server, pod):
    pod["metadata"]["labels"] = {"app": "web", "hash": "1"}
    pod["spec"]["topologySpreadConstraints"] = [spread(labelSelector={}, matchLabelKeys=["hash"])]
    made = dump(server.made("pods", pod))["spec"]["topologySpreadConstraints"][0]
    assert made["labelSelector"] == {"matchExpressions": [expression("In", "1")]}


def test_a_key_that_a_selector_has_already_is_refused(server, pod):
    pod["metadata"]["labels"] = {"app": "web"}
    selector = {"matchExpressions": [{"key": "app", "operator": "Exists"}]}
    pod["spec"]["topologySpreadConstraints"] = [spread(labelSelector=selector, matchLabelKeys=["app"])]
    response = server("create", "pods", "default", body=pod)
    said = 'spec.topologySpreadConstraints[0][0]: Invalid value: "app": exists in both matchLabelKeys and labelSelector'
    assert (response.code, response.body.message) == (422, f'Pod "web" is invalid: {said}')


def test_rules_that_select_nothing_stay(server, pod):
    pod["spec"]["affinity"] = {"nodeAffinity": {}}
    made = server.made("pods", pod)
    assert dump(made)["spec"]["affinity"] == {"nodeAffinity": {}}
    pod["metadata"]["name"] = "other"
    pod["spec"]["topologySpreadConstraints"] = [spread(matchLabelKeys=["app"])]
    assert (
        "must not be specified when labelSelector is not set"
        in server("create", "pods", "default", body=pod).body.message
    )
