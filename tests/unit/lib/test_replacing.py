import attrs
import pytest

from reconcile.api import kinds
from reconcile.api.core_v1 import Container, PodSpec
from reconcile.lib.replacing import replace


@attrs.frozen(kw_only=True)
class Plain:
    one: int
    two: str = "two"
    _three: tuple[int, ...] = attrs.field(factory=tuple)


@attrs.frozen
class Checked:
    one: int = attrs.field(validator=attrs.validators.instance_of(int))


SPEC = PodSpec(containers=(Container(name="web"),), host_pid=True)


@pytest.mark.parametrize(
    ("obj", "changes"),
    [
        (SPEC, {"node_name": "n1"}),
        (SPEC, {"node_name": "n1", "containers": (), "host_pid": None}),
        (Plain(one=1, three=(4,)), {"two": "x"}),
        (Plain(one=1), {"three": (5,)}),
        (Checked(1), {"one": 2}),
    ],
)
def test_is_evolve(obj, changes):
    found = replace(obj, **changes)
    assert found == attrs.evolve(obj, **changes)
    assert type(found) is type(obj)
    assert hash(found) == hash(attrs.evolve(obj, **changes))
    assert repr(found) == repr(attrs.evolve(obj, **changes))


def test_what_changes_nothing_is_the_same_object():
    assert replace(SPEC) is SPEC
    assert replace(SPEC, host_pid=True, containers=SPEC.containers) is SPEC


def test_the_copy_is_frozen_and_the_original_unchanged():
    found = replace(SPEC, node_name="n1")
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        found.node_name = "n2"
    assert SPEC.node_name is None


@pytest.mark.parametrize("obj", [SPEC, Plain(one=1), Checked(1)])
def test_an_unknown_field_is_refused(obj):
    with pytest.raises(TypeError, match="nodename"):
        replace(obj, nodename="n1")


def test_what_a_constructor_checks_is_checked():
    with pytest.raises(TypeError):
        replace(Checked(1), one="x")


def test_only_attrs_classes():
    with pytest.raises(TypeError, match="int is not an attrs class"):
        replace(1, real=2)


def test_every_api_class_is_copied_at_full_speed():
    """A class with another layout would still work, through its constructor; this holds the generator to it."""
    for resource in kinds.all_resources():
        assert "__weakref__" not in resource.object_class.__slots__
