import pytest

from reconcile.api import core_v1, meta_v1
from reconcile.api.convert import InvalidObject
from reconcile.api.given import whole
from reconcile.api.scalars import Quantity
from reconcile.lib.mapping import Map

META = meta_v1.ObjectMeta(name="web", labels=Map({"a": "b"}))
PROPER = core_v1.Pod(
    metadata=META,
    spec=core_v1.PodSpec(
        containers=(
            core_v1.Container(
                name="c",
                image="i",
                args=("x",),
                resources=core_v1.ResourceRequirements(requests=Map({"cpu": Quantity.parse("1")})),
            ),
        )
    ),
)


def test_what_has_nothing_plain_in_it_is_left_as_it_is():
    assert whole(PROPER) is PROPER
    assert whole(None) is None
    assert whole("text") == "text"


@pytest.mark.parametrize(
    "pod",
    [
        core_v1.Pod(metadata={"name": "web", "labels": {"a": "b"}}, spec=PROPER.spec),
        core_v1.Pod(metadata=meta_v1.ObjectMeta(name="web", labels={"a": "b"}), spec=PROPER.spec),
        core_v1.Pod(metadata=META, spec=core_v1.PodSpec(containers=list(PROPER.spec.containers))),
        core_v1.Pod(
            metadata=META,
            spec={
                "containers": [{"name": "c", "image": "i", "args": ["x"], "resources": {"requests": {"cpu": "1"}}}],
            },
        ),
        core_v1.Pod(
            metadata=META,
            spec=core_v1.PodSpec(
                containers=(
                    core_v1.Container(
                        name="c",
                        image="i",
                        args=["x"],
                        resources=core_v1.ResourceRequirements(requests={"cpu": Quantity.parse("1")}),
                    ),
                )
            ),
        ),
    ],
)
def test_plain_dicts_and_lists_are_what_they_stand_for(pod):
    assert whole(pod) == PROPER
    assert hash(whole(pod)) == hash(PROPER)


def test_what_stands_for_nothing_is_refused_with_its_place():
    with pytest.raises(InvalidObject, match=r"^metadata.labels: expected an object, found \[\"a\"\]"):
        whole(core_v1.Pod(metadata={"name": "web", "labels": ["a"]}))
    with pytest.raises(InvalidObject, match=r'unknown field "metadata.generate_name"'):
        whole(core_v1.Pod(metadata={"generate_name": "web-"}))
