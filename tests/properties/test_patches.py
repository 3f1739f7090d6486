"""Each kind of patch against a second implementation that is dumber, and server-side apply against sets of paths."""

import copy

import pytest
from hypothesis import event, given
from hypothesis import strategies as st

from reconcile.api import core_v1
from reconcile.model import patches
from reconcile.model.fields import managers, sets
from reconcile.model.fields.managers import Conflicts, Write
from reconcile.model.fields.shapes import shape_of
from reconcile.model.patches import Unpatchable, json, strategic

_scalar = st.none() | st.booleans() | st.integers(0, 2) | st.sampled_from(["", "x"])
_json = st.recursive(
    _scalar,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=10,
)
_document = st.dictionaries(st.sampled_from("abc"), _json, max_size=3)

# ---------------------------------------------------------------- merge patch


def _leaves(value, path=()):
    """Give where a merge patch says something: what is no object, and where an object begins."""
    if isinstance(value, dict):
        yield path, {}
        for key, entry in value.items():
            yield from _leaves(entry, (*path, key))
    else:
        yield path, value


def _merged_by_paths(document, patch):
    found = {"root": copy.deepcopy(document)}
    for path, value in _leaves(patch, ("root",)):
        *before, last = path
        parent = found
        for key in before:
            parent = parent[key]
        if value is None:
            parent.pop(last, None)
        elif value != {}:
            parent[last] = copy.deepcopy(value)
        elif not isinstance(parent.get(last), dict):
            parent[last] = {}
    return found["root"]


@given(_document, _document)
def test_merge_patch_goes_path_by_path(document, patch):
    before = copy.deepcopy((document, patch))
    assert patches.merge(document, patch) == _merged_by_paths(document, patch)
    assert (document, patch) == before


# ---------------------------------------------------------------- JSON patch

_path = st.lists(st.sampled_from(["a", "b", "c", "0", "1", "-"]), min_size=1, max_size=3).map(
    lambda p: "/" + "/".join(p)
)
_operation = st.fixed_dictionaries(
    {"op": st.sampled_from(["add", "remove", "replace", "move", "copy", "test"]), "path": _path, "from": _path},
    optional={"value": _json},
)


class _CannotError(Exception):
    pass


def _place(document, path):
    """Give the container that a path's last segment is in, and that segment, as a key or an index."""
    *before, last = path[1:].split("/")
    for segment in before:
        document = _entry(document, segment)
        if not isinstance(document, (dict, list)):
            raise _CannotError
    if isinstance(document, list) and last.isdigit():
        return document, int(last)
    return document, last


def _entry(container, segment):
    if isinstance(container, dict):
        return container.get(segment)
    if not segment.isdigit() or int(segment) >= len(container):
        raise _CannotError
    return container[int(segment)]


def _taken(document, path, *, remove):
    container, last = _place(document, path)
    if isinstance(container, list) and (isinstance(last, str) or last >= len(container)):
        raise _CannotError
    if remove and isinstance(container, dict) and last not in container:
        raise _CannotError
    found = container.get(last) if isinstance(container, dict) else container[last]
    if remove:
        del container[last]
    return found


def _put(document, path, value, *, replace=False):
    container, last = _place(document, path)
    if isinstance(container, dict):
        container[last] = value
    elif last == "-" and not replace:
        container.append(value)
    elif isinstance(last, str) or last > len(container) - replace:
        raise _CannotError
    else:
        container[last : last + replace] = [value]


def _mutated(document, operation):
    value = copy.deepcopy(operation.get("value"))
    match operation["op"]:
        case "add":
            _put(document, operation["path"], value)
        case "replace":
            _put(document, operation["path"], value, replace=True)
        case "remove":
            _taken(document, operation["path"], remove=True)
        case "test":
            found = _taken(document, operation["path"], remove=False)
            if repr(_sorted(found)) != repr(_sorted(value)):
                raise _CannotError
        case "move" | "copy" as kind:
            found = copy.deepcopy(_taken(document, operation["from"], remove=kind == "move"))
            _put(document, operation["path"], found)


def _sorted(value):
    if isinstance(value, dict):
        return {key: _sorted(value[key]) for key in sorted(value)}
    return [_sorted(entry) for entry in value] if isinstance(value, list) else value


@given(_document, st.lists(_operation, max_size=4))
def test_json_patch_mutates_a_copy(document, operations):
    before, expected = copy.deepcopy(document), copy.deepcopy(document)
    try:
        for operation in operations:
            _mutated(expected, operation)
    except _CannotError:
        event("cannot")
        with pytest.raises(Unpatchable):
            json.applied(document, operations)
    else:
        event("can" if operations else "nothing to do")
        assert json.applied(document, operations) == expected
    assert document == before


# ---------------------------------------------------------------- strategic merge patch

_env = st.dictionaries(st.sampled_from("AB"), st.sampled_from(["1", "2"]), max_size=2)
_container = st.fixed_dictionaries({}, optional={"image": st.sampled_from(["i", "j"]), "env": _env})
_containers = st.dictionaries(st.sampled_from("abc"), _container, max_size=3)
_finalizers = st.lists(st.sampled_from(["x", "y", "z"]), unique=True, max_size=3)
_patched_containers = st.dictionaries(st.sampled_from("abc"), _container | st.none(), max_size=3)


def _listed(containers):
    """Write containers as the API does: None deletes one."""
    return [
        {"name": name, "$patch": "delete"}
        if content is None
        else {"name": name, **content, **({"env": _env_list(content["env"])} if "env" in content else {})}
        for name, content in containers.items()
    ]


def _env_list(env):
    return [{"name": name, "value": value} for name, value in env.items()]


def _by_name(containers):
    found = {}
    for container in containers:
        rest = {key: value for key, value in container.items() if key != "name"}
        if "env" in rest:
            rest["env"] = {entry["name"]: entry.get("value") for entry in rest["env"]}
        found[container["name"]] = rest
    return found


@given(_containers, _finalizers, _patched_containers, _finalizers, _finalizers)
def test_strategic_patch_merges_dicts_by_name(containers, finalizers, patched, added, taken):
    original = {"metadata": {"finalizers": finalizers}, "spec": {"containers": _listed(containers)}}
    metadata = {"finalizers": added, "$deleteFromPrimitiveList/finalizers": taken}
    patch = {"metadata": metadata, "spec": {"containers": _listed(patched)}}
    expected = copy.deepcopy(containers)
    for name, content in patched.items():
        if content is None:
            expected.pop(name, None)
        else:
            mine = expected.setdefault(name, {})
            env = {**mine.get("env", {}), **content.get("env", {})}
            mine.update(content)
            if "env" in mine:
                mine["env"] = env
    made = strategic.merged(original, patch, core_v1.Pod)
    assert _by_name(made["spec"]["containers"]) == expected
    left = [each for each in finalizers if each not in taken]
    # A list may be said in both ways, one after the other, as the patch has them.
    assert set(made["metadata"]["finalizers"]) == (set(finalizers) | set(added)) - set(taken)
    assert [each for each in made["metadata"]["finalizers"] if each in added] == [
        each for each in added if each not in taken
    ]
    assert [each for each in made["metadata"]["finalizers"] if each not in added] == [
        each for each in left if each not in added
    ]


# ---------------------------------------------------------------- server-side apply

_SHAPE = shape_of(core_v1.ConfigMap)
_map = st.dictionaries(st.sampled_from("ab"), st.sampled_from(["1", "2"]), max_size=2)
_object = st.fixed_dictionaries({}, optional={"data": _map, "binaryData": _map})
_write = st.tuples(st.sampled_from(["apply", "force", "update"]), st.sampled_from(["m", "n", "o"]), _object)


class _Naive:
    """Who owns which paths of two maps of texts: sets, and nothing clever."""

    def __init__(self):
        self.live, self.owned = {}, {}

    def update(self, who, new):
        self._changed(("update", who), new, self.owned.get(("update", who), set()), keep=True)

    def apply(self, who, config, *, force):
        """Give the conflicts; nothing is done if there are some."""
        me = ("apply", who)
        mine = {(name, key) for name, entries in config.items() for key in entries}
        mine |= {(name,) for name, entries in config.items() if not entries}
        others = {path for owner, paths in self.owned.items() if owner != me for path in paths}
        new = {name: {**self.live.get(name, {}), **entries} for name, entries in config.items()}
        new |= {name: dict(entries) for name, entries in self.live.items() if name not in new}
        last = self.owned.get(me, set())
        for path in last:
            if len(path) > 1 and path not in mine | others:
                new.get(path[0], {}).pop(path[1], None)
        for name in {path[0] for path in last}:
            if not any(path[0] == name for path in mine | others):
                new.pop(name, None)
        changed = self._differing(new)
        conflicts = {
            (owner, path) for owner, paths in self.owned.items() if owner != me for path in paths if path in changed
        }
        if conflicts and not force:
            return conflicts
        self._changed(me, new, mine, keep=False)
        return set()

    def _paths(self, live):
        return {(name,): None for name in live} | {
            (name, key): value for name, entries in live.items() for key, value in entries.items()
        }

    def _differing(self, new):
        before, after = self._paths(self.live), self._paths(new)
        return {path for path, value in after.items() if path not in before or before[path] != value}

    def _changed(self, me, new, mine, *, keep):
        changed = self._differing(new)
        gone = self._paths(self.live).keys() - self._paths(new).keys()
        for owner in list(self.owned):
            if owner != me or keep:
                self.owned[owner] = self.owned[owner] - changed - gone
        self.owned[me] = (mine - gone if keep else mine) | (changed if keep else set())
        self.owned = {owner: paths for owner, paths in self.owned.items() if paths}
        self.live = _stored(new)


def _stored(live):
    """Give an object as it is stored: without the maps that are empty."""
    return {name: entries for name, entries in live.items() if entries}


@given(st.lists(_write, max_size=7))
def test_server_side_apply_is_sets_of_paths(writes):
    naive, live, managed = _Naive(), {}, {}
    for kind, who, given_content in writes:
        content = _stored(given_content) if kind == "update" else given_content
        write = Write(shape=_SHAPE, version="v1", manager=who, now="2026-01-01T00:00:00Z")
        if kind == "update":
            managed = managers.updated(write, live, content, managed, created=True)
            live = content
            naive.update(who, content)
        else:
            force = kind == "force"
            expected = naive.apply(who, content, force=force)
            conflicts = set()
            try:
                live, managed = managers.applied(write, live, content, managed, blank={}, force=force)
            except Conflicts as refused:
                event("conflict")
                conflicts = {(_owner(each), _plain(path)) for each, path in refused.rows}
            assert conflicts == expected
            live = _stored(live or {})
        assert live == naive.live
        owned = {
            _owner(identity): {_plain(path) for path in sets.paths(owned.fields)} for identity, owned in managed.items()
        }
        assert owned == naive.owned


def _owner(identity):
    return identity[1].lower(), identity[0]


def _plain(path):
    return tuple(element[2:] for element in path)
