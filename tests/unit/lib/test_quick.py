import inspect
import pickle

import attrs
import pytest

from reconcile.api import kinds
from reconcile.lib.quick import quick, twin


@attrs.frozen(weakref_slot=False)
class Slow:
    one: int
    _two: str = "two"
    three: tuple[int, ...] = attrs.field(factory=tuple)
    four: int = attrs.field(default=4, kw_only=True)


@quick
@attrs.frozen(weakref_slot=False)
class Fast:
    one: int
    _two: str = "two"
    three: tuple[int, ...] = attrs.field(factory=tuple)
    four: int = attrs.field(default=4, kw_only=True)


@quick
@attrs.frozen
class Checked:
    one: int = attrs.field(validator=attrs.validators.instance_of(int))


@pytest.mark.parametrize("named", [{}, {"two": "x"}, {"three": (1,), "four": 5}])
def test_makes_what_attrs_makes(named):
    for _ in range(2):  # the first construction writes the constructor
        assert repr(Fast(1, **named)).replace("Fast", "Slow") == repr(Slow(1, **named))
        assert Fast(1, **named) == Fast(1, **named)
        assert attrs.astuple(Fast(1, **named)) == attrs.astuple(Slow(1, **named))


def test_is_frozen_and_of_its_class():
    made = Fast(1)
    assert type(made) is Fast
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        made.one = 2


def test_takes_what_attrs_takes():
    assert str(inspect.signature(Fast)).replace("'", "") == str(inspect.signature(Slow)).replace("'", "")
    for wrong in ({}, {"one": 1, "five": 5}):
        with pytest.raises(TypeError):
            Fast(**wrong)


def test_what_a_constructor_checks_is_checked():
    for _ in range(2):
        with pytest.raises(TypeError):
            Checked("x")


def test_travels():
    assert pickle.loads(pickle.dumps(Fast(1))) == Fast(1)
    assert attrs.evolve(Fast(1), one=2) == Fast(2)


def test_every_api_class_has_a_twin():
    for resource in kinds.all_resources():
        assert twin(resource.object_class) is not None
