import inspect
import pickle
from copy import deepcopy

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


@attrs.frozen(weakref_slot=False)
class SlowRow:
    one: int
    _two: str = "two"
    three: tuple[int, ...] = attrs.field(factory=tuple)


@quick
@attrs.frozen(weakref_slot=False)
class FastRow:
    one: int
    _two: str = "two"
    three: tuple[int, ...] = attrs.field(factory=tuple)


PAIRS = pytest.mark.parametrize(("fast", "slow"), [(Fast, Slow), (FastRow, SlowRow)])


@quick
@attrs.frozen
class Checked:
    one: int = attrs.field(validator=attrs.validators.instance_of(int))


@PAIRS
@pytest.mark.parametrize("named", [{}, {"two": "x"}, {"three": (1,)}])
def test_makes_what_attrs_makes(fast, slow, named):
    for _ in range(2):  # the first construction writes the constructor
        assert repr(fast(1, **named)).replace("Fast", "Slow") == repr(slow(1, **named))
        assert fast(1, **named) == fast(1, **named)
        assert attrs.astuple(fast(1, **named)) == attrs.astuple(slow(1, **named))


@pytest.mark.parametrize("fast", [Fast, FastRow])
def test_is_frozen_and_of_its_class(fast):
    for _ in range(2):
        made = fast(1)
        assert type(made) is fast
        with pytest.raises(attrs.exceptions.FrozenInstanceError):
            made.one = 2


@PAIRS
def test_takes_what_attrs_takes(fast, slow):
    for _ in range(2):
        assert str(inspect.signature(fast)).replace("'", "") == str(inspect.signature(slow)).replace("'", "")
        for wrong in ({}, {"one": 1, "five": 5}):
            with pytest.raises(TypeError):
                fast(**wrong)
        fast(1)


def test_what_a_constructor_checks_is_checked():
    for _ in range(2):
        with pytest.raises(TypeError):
            Checked("x")


@pytest.mark.parametrize("fast", [Fast, FastRow])
def test_travels(fast):
    for _ in range(2):
        assert pickle.loads(pickle.dumps(fast(1))) == fast(1)
        assert deepcopy(fast(1, three=(2,))) == fast(1, three=(2,))
        assert attrs.evolve(fast(1), one=2) == fast(2)


def test_every_api_class_has_a_twin():
    for resource in kinds.all_resources():
        assert twin(resource.object_class) is not None
