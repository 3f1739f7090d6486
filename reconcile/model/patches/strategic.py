"""
Strategic merge patch: a merge patch that knows which lists are maps by a key.

    $patch: replace | delete             of an object, or of an item of a list that is merged
    $retainKeys: [...]                   the only keys that the object keeps
    $setElementOrder/<list>: [...]       in which order a list's items stand
    $deleteFromPrimitiveList/<list>: []  values that a list of scalars loses

Takes:    plain JSON data, and the API class that says how its lists are merged.
Gives:    plain JSON data; nothing that was given is changed.
Source:   https://kubernetes.io/docs/tasks/manage-kubernetes-objects/update-api-object-kubectl-patch/; apimachinery's
          strategicpatch.
Left out: nothing known.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from reconcile.api.gotext import shown
from reconcile.api.kinds import list_rules
from reconcile.api.scalars import Json
from reconcile.api.shapes import fields_of, within
from reconcile.lib.mapping import Map
from reconcile.model.patches.refusing import Unpatchable

_DIRECTIVE: Final = "$patch"
_RETAIN: Final = "$retainKeys"
_ORDER: Final = "$setElementOrder"
_DELETE: Final = "$deleteFromPrimitiveList"

_BAD_ORDER: Final = "invalid patch format of setElementOrder list"
_GO_TYPES: Final = {dict: "map[string]interface {}", list: "[]interface {}", str: "string", bool: "bool", int: "int64"}


def merged(original: Mapping[str, Any], patch: Mapping[str, Any], cls: type[Any]) -> dict[str, Any]:
    """
    Give *original*, an object of *cls*, with *patch* made to it.

    Raises:
        Unpatchable: the patch contradicts itself or the object's type.
    """
    return _object(dict(original), patch, cls)


def _object(original: dict[str, Any], patch: Mapping[str, Any], shape: Any) -> dict[str, Any]:
    if _DIRECTIVE in patch:
        return _directed(patch)
    found, rest = _retained(original, patch)
    _merge_ordered(found, rest, shape)
    for key, value in rest.items():
        deleting = key.startswith(_DELETE)
        name = _named_after(key, _DELETE, "invalid patch format of primitive list") if deleting else key
        if value is None:
            found.pop(name, None)
        elif name not in found or type(found[name]) is not type(value):
            if not deleting:
                _put(found, name, _without_nulls(value))
        elif isinstance(value, dict):
            found[name] = _merged_object(found[name], value, *_field(shape, name))
        elif isinstance(value, list):
            inner, strategy, merge_key = _list_field(shape, name)
            if strategy == "merge" or deleting:
                found[name] = _items(found[name], value, inner, merge_key, deleting=deleting)
            else:
                found[name] = value
        else:
            found[name] = value
    return found


def _merged_object(old: Any, patch: Any, shape: Any, strategy: str, _: str) -> Any:
    return patch if strategy == "replace" else _object(dict(old), patch, shape)


def _directed(patch: Mapping[str, Any]) -> dict[str, Any]:
    directive = patch[_DIRECTIVE]
    if directive == "replace":
        return {key: value for key, value in patch.items() if key != _DIRECTIVE}
    if directive == "delete":
        return {}
    raise _unexpected(f"unknown patch type: {shown(directive)} in map: {shown(patch)}")


def _retained(original: dict[str, Any], patch: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Give *original* with what a patch's $retainKeys leaves of it, and the patch without that directive."""
    rest = dict(patch)
    if _RETAIN not in rest:
        return original, rest
    kept = rest.pop(_RETAIN)
    named = [key for key, value in rest.items() if value is not None and not key.startswith((_DELETE, _ORDER))]
    if not isinstance(kept, list) or any(key not in kept for key in named):
        raise Unpatchable("invalid patch format of retainKeys", "malformed")
    return {key: value for key, value in original.items() if key in kept}, rest


def _merge_ordered(found: dict[str, Any], rest: dict[str, Any], shape: Any) -> None:
    """Merge the lists whose order the patch says, and take them out of *rest*."""
    for key in [key for key in rest if key.startswith(_ORDER)]:
        order = rest.pop(key)
        _check_type(order, list)
        name = _named_after(key, _ORDER, _BAD_ORDER)
        old, patch = found.get(name), rest.get(name)
        if name in found:
            _check_type(old, list)
        if name in rest:
            _check_type(patch, list)
        inner, strategy, merge_key = _list_field(shape, name)
        _check_order(patch or [], order, merge_key)
        if name not in found and name not in rest:
            continue
        if name not in rest:
            items = list(old or [])
        elif name not in found:
            items = _without_directives(patch)
        elif strategy == "merge":
            items = _items(old or [], patch or [], inner, merge_key, deleting=False)
        else:
            items = list(patch or [])
        _check_alike(old or [], patch or [])
        found[name] = _sorted(items, order, old or [], merge_key)
        rest.pop(name, None)


def _check_order(patch: list[Any], order: list[Any], merge_key: str) -> None:
    """Refuse a patch whose items are not among those of *order*, or stand otherwise."""
    if not order or not patch:
        return
    wanted = [item for item in patch if not (isinstance(item, dict) and _DIRECTIVE in item)]
    place = 0
    for item in wanted:
        while place < len(order) and _identity(item, merge_key) != _identity(order[place], merge_key):
            place += 1
        if place == len(order):
            said = f"The order in patch list:\n{shown(patch)}\n doesn't match {_ORDER} list:\n{shown(order)}\n"
            raise _unexpected(said)
        place += 1


def _items(old: list[Any], patch: list[Any], inner: Any, merge_key: str, *, deleting: bool) -> list[Any]:
    """Merge two lists, of scalars or of objects that *merge_key* tells apart."""
    if not old and not patch:
        return old
    _check_alike(old, patch)
    if not isinstance((old or patch)[0], dict):
        if deleting:
            return [item for item in old if item not in patch]
        return _sorted(_unique([*old, *patch]), patch, old, "")
    if not merge_key:
        raise _unexpected(f"cannot merge lists without merge key for {_kind_of(inner)}")
    left, wanted = _special(old, patch, merge_key)
    items = list(left)
    for item in wanted:
        identity = _identity(item, merge_key)
        place = _place(items, identity, merge_key)
        if place < 0:
            items.append(item)
        else:
            items[place] = _object(dict(items[place]), item, inner)
    return _sorted(items, wanted, left, merge_key)


def _special(old: list[Any], patch: list[Any], merge_key: str) -> tuple[list[Any], list[Any]]:
    """Give both lists after the patch's items that delete or replace, and without these."""
    left, rest, replacing = list(old), [], False
    for item in patch:
        match item.get(_DIRECTIVE, _DIRECTIVE):
            case "$patch":
                rest.append(item)
            case "delete":
                identity = _identity(item, merge_key)
                left = [each for each in left if each.get(merge_key) != identity]
            case "replace":
                replacing = True
            case "merge":
                raise _unexpected("merging lists cannot yet be specified in the patch")
            case other:
                raise _unexpected(f"unknown patch type: {shown(other)} in map: {shown(item)}")
    return (rest, []) if replacing else (left, rest)


def _sorted(items: list[Any], order: list[Any], live: list[Any], merge_key: str) -> list[Any]:
    """
    Put *items* in order: those that *order* names as they stand there, the others as they stood in *live*.

    The others come before the first named one that they stood before.
    """
    places = {identity: place for place, identity in _identities(order, merge_key)}
    stood = {identity: place for place, identity in _identities(live, merge_key)}
    keyed = [(_hashable(_identity(item, merge_key)), item) for item in items]
    named = sorted([pair for pair in keyed if pair[0] in places], key=lambda pair: places[pair[0]])
    others = sorted([pair for pair in keyed if pair[0] not in places], key=lambda pair: stood.get(pair[0], len(stood)))
    found: list[Any] = []
    for identity, item in named:
        while others and _stood_before(others[0][0], identity, stood):
            found.append(others.pop(0)[1])
        found.append(item)
    return found + [item for _, item in others]


def _stood_before(one: Any, other: Any, stood: Mapping[Any, int]) -> bool:
    return one in stood and other in stood and stood[one] < stood[other]


def _identities(items: list[Any], merge_key: str) -> list[tuple[int, Any]]:
    """Give places and identities, the last first, so that of equals the first counts."""
    found = [(place, _hashable(_identity(item, merge_key))) for place, item in enumerate(items)]
    return found[::-1]


def _identity(item: Any, merge_key: str) -> Any:
    if not merge_key:
        return item
    _check_type(item, dict)
    if merge_key not in item:
        raise _unexpected(f"map: {shown(item)} does not contain declared merge key: {merge_key}")
    return item[merge_key]


def _hashable(value: Any) -> Any:
    # True is no 1 here, and what cannot be hashed is never a key that anything else has.
    return (type(value), shown(value) if isinstance(value, (dict, list)) else value)


def _place(items: list[Any], identity: Any, merge_key: str) -> int:
    return next((place for place, item in enumerate(items) if item.get(merge_key) == identity), -1)


def _unique(items: list[Any]) -> list[Any]:
    seen: dict[Any, Any] = {}
    for item in items:
        seen.setdefault(_hashable(item), item)
    return list(seen.values())


def _check_alike(*lists: list[Any]) -> None:
    """Refuse lists whose items are not all of one type, or are lists, or of which there are none."""
    types = {type(item) for items in lists for item in items}
    if not types:
        raise _unexpected("no elements in any of the given slices")
    if list in types:
        raise Unpatchable("lists of lists are not supported", "inapplicable")
    if len(types) > 1:
        raise _unexpected(f"list element types are not identical: {shown(list(lists))}")


def _put(found: dict[str, Any], name: str, value: Any) -> None:
    """Take a value as it comes, but for what its directives say; nothing if it is a directive itself."""
    if isinstance(value, dict) and _DIRECTIVE in value:
        found.pop(name, None)
    else:
        found[name] = _without_directives(value)


def _without_directives(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_directives(entry) for key, entry in value.items() if not _is_directive(entry)}
    if isinstance(value, list):
        return [_without_directives(entry) for entry in value if not _is_directive(entry)]
    return value


def _is_directive(value: Any) -> bool:
    return isinstance(value, dict) and _DIRECTIVE in value


def _without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_nulls(entry) for key, entry in value.items() if entry is not None}
    return [_without_nulls(entry) for entry in value] if isinstance(value, list) else value


# ---------------------------------------------------------------- what the type says


def _field(shape: Any, name: str) -> tuple[Any, str, str]:
    """Give a field's type, how patches of it are meant, and the key by which its items are merged."""
    if not hasattr(shape, "JSON_NAMES") and shape != Json:
        said = f"merging an object in json but data type is not struct, instead is: {_kind_of(shape)}"
        raise _unexpected(said)
    found = None if shape == Json else next((field for field in fields_of(shape) if field.json == name), None)
    if found is None:
        struct = getattr(shape, "__name__", "RawExtension") if shape != Json else "RawExtension"
        raise _unexpected(f'unable to find api field in struct {struct} for the json field "{name}"')
    rule = list_rules(shape).get(name)
    if rule is None:
        return found.type, "", ""
    strategies = [word for word in rule.patch_strategy.split(",") if word and word != "retainKeys"]
    return found.type, strategies[0] if strategies else "", rule.patch_merge_key


def _list_field(shape: Any, name: str) -> tuple[Any, str, str]:
    """Give the type of a list's items, how patches of the list are meant, and the key by which they are merged."""
    found, strategy, merge_key = _field(shape, name)
    inner = within(found, tuple)
    if inner is None:
        raise _unexpected(f"expected slice or array type, but got: {_kind_of(shape)}")
    return inner, strategy, merge_key


_KINDS: Final[tuple[tuple[Callable[[Any], bool], str], ...]] = (
    (lambda shape: within(shape, tuple) is not None, "slice"),
    (lambda shape: within(shape, Map) is not None, "map"),
    (lambda shape: hasattr(shape, "JSON_NAMES"), "struct"),
    (lambda shape: shape is bool, "bool"),
)


def _kind_of(shape: Any) -> str:
    return next((kind for holds, kind in _KINDS if holds(shape)), "string")


def _named_after(key: str, prefix: str, malformed: str) -> str:
    """Give the list that a directive is for."""
    head, slash, name = key.partition("/")
    if not slash or head != prefix:
        raise Unpatchable(malformed, "malformed")
    return name


def _check_type(value: Any, wanted: type) -> None:
    if not isinstance(value, wanted):
        got = _GO_TYPES.get(type(value), "%!s(<nil>)" if value is None else "float64")
        raise _unexpected(f"expected a {_GO_TYPES[wanted]}, but received a {got}")


def _unexpected(reason: str) -> Unpatchable:
    return Unpatchable(reason, "unexpected")
