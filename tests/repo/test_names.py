"""Names say what a thing is: words that could mean anything are banned in module, class and function names."""

import ast
import re

BANNED = {"manager", "helper", "helpers", "util", "utils", "handle", "handler", "handlers", "data", "info"}
BANNED_STARTS = ("do_", "get_")

# Names that Kubernetes itself gave, and where they come from.
UPSTREAM = {
    "controller_manager": "the component kube-controller-manager",
    "ControllerManager": "the component kube-controller-manager",
    "NodeSystemInfo": "core/v1",
}


def test_names_have_no_empty_words(root, modules):
    wrong = []
    for path, text in modules.items():
        where = path.relative_to(root).as_posix()
        inside = path.relative_to(root).with_suffix("").parts
        wrong += [f"{where}: {name}" for name in inside if _empty(name)]
        wrong += [f"{where}:{line}: {name}" for name, line in _names(text) if _empty(name)]
    assert wrong == []


def test_rule_finds_what_it_looks_for():
    assert all(
        map(_empty, ["PodManager", "_handle_watched", "get_pod", "_do_it", "string_utils", "HTTPHandler", "data"])
    )
    assert not any(map(_empty, ["_on_watched", "database", "get", "information", "controller_manager", "dataclass"]))


def _names(text):
    kinds = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
    return [(node.name, node.lineno) for node in ast.walk(ast.parse(text)) if isinstance(node, kinds)]


def _empty(name):
    if name in UPSTREAM:
        return False
    words = re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z0-9]+", name)
    return name.lstrip("_").startswith(BANNED_STARTS) or any(word.lower() in BANNED for word in words)
