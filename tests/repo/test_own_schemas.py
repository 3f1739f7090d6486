"""The schemas of reconcile's own vocabulary are what their generator writes, and what is written is valid by them."""

import importlib.util
import json
from typing import get_args

import jsonschema
import pytest
from hypothesis import given, settings
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

from reconcile.api.convert import dump
from reconcile.cluster import Cluster, Topology
from reconcile.driver.choices import choices
from reconcile.driver.client import create
from reconcile.driver.log.recording import Recorder
from reconcile.driver.run import run
from reconcile.driver.wire import to_json
from reconcile.effects import OutsideEffect
from reconcile.events import Advance, ClusterEvent, Submit
from reconcile.model.requests import Request
from reconcile.testing.vocabulary import values

BASE = "https://reconcile.invalid/schemas/"
CLASSES = [
    *[("events.json", cls) for cls in get_args(ClusterEvent)],
    *[("effects.json", cls) for cls in get_args(OutsideEffect)],
    ("requests.json", Request),
    ("topology.json", Topology),
]


@pytest.fixture(scope="session")
def documents(root):
    folder = root / "schemas"
    paths = {path.relative_to(folder).as_posix(): path for path in sorted(folder.rglob("*.json"))}
    del paths["resources.json"]  # a table of facts, no schema
    return {BASE + name: json.loads(path.read_text(encoding="utf-8")) for name, path in paths.items()}


@pytest.fixture(scope="session")
def validators(documents):
    registry = Registry().with_resources(
        (name, Resource.from_contents(body, DRAFT202012)) for name, body in documents.items()
    )
    names = [*[name for name, _ in CLASSES], "log.json"]
    return {name: jsonschema.Draft202012Validator({"$ref": BASE + name}, registry=registry) for name in names}


@pytest.fixture(scope="session")
def kubernetes(documents):
    return {name: document for name, document in documents.items() if "/kubernetes/" in name}


def test_schemas_are_what_the_generator_writes(root):
    spec = importlib.util.spec_from_file_location("generate_own", root / "schemas" / "generate_own.py")
    generate = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(generate)
    assert generate.differences() == []


def test_schemas_are_schemas(documents):
    for document in documents.values():
        jsonschema.Draft202012Validator.check_schema(document)


@pytest.mark.parametrize(("name", "cls"), CLASSES, ids=[cls.__name__ for _, cls in CLASSES])
def test_whatever_is_written_is_valid(name, cls, validators, kubernetes):
    @settings(max_examples=settings.default.max_examples // 10)
    @given(values(cls, kubernetes))
    def valid(value):
        validators[name].validate(to_json(value))

    valid()


def test_a_run_is_valid(validators):
    cluster = Cluster.boot(Topology(nodes=2), seed=7)
    pod = {"metadata": {"name": "web"}, "spec": {"containers": [{"name": "web", "image": "nginx"}]}}
    submit = Submit(request=create({"apiVersion": "v1", "kind": "Pod", **pod}))
    validators["events.json"].validate(to_json(submit))
    for event in (None, submit, Submit(request=Request(verb="list", resource="pods"))):
        ran = run(cluster, () if event is None else (event,), until=cluster.now + 3_000_000_000)
        cluster = ran.cluster
        for effect in ran.effects:
            validators["effects.json"].validate(to_json(effect))
        for choice in choices(cluster):
            validators["events.json"].validate(to_json(choice))
    assert dump(cluster.get("pods", "web"))["metadata"]["name"] == "web"


def test_a_log_is_valid(validators):
    lines = []
    recorder = Recorder(Cluster.boot(Topology(nodes=1, start=7), seed=2**63), lines.append, checkpoint=100)
    recorder.step(Advance(recorder.cluster.now))
    recorder.run(steps=250, until=recorder.cluster.now + 3_000_000_000)
    recorder.end()
    for line in lines:
        validators["log.json"].validate(json.loads(line))
    kinds = {next(iter(json.loads(line).keys() & {"log", "event", "run", "checkpoint", "end"})) for line in lines}
    assert kinds == {"log", "event", "run", "checkpoint", "end"}


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("log.json", {"end": {}, "line": 3, "check": "0" * 16}),
        ("events.json", {"event": "Advance", "to": "1.5"}),
        ("events.json", {"event": "Nope"}),
        ("events.json", {"event": "Execute"}),
        ("events.json", {"event": "Execute", "call": "12"}),
        ("events.json", {"event": "Execute", "call": 12, "more": 1}),
        (
            "requests.json",
            {
                "verb": "create",
                "resource": "pods",
                "body": {"apiVersion": "v1", "kind": "Pod", "spec": {"containers": 3}},
            },
        ),
        ("requests.json", {"verb": "create", "resource": "pods", "body": 3}),
        ("topology.json", {"lock": "secrets"}),
        ("topology.json", {"behaviours": {"images": 3}}),
    ],
)
def test_what_is_wrong_is_not_valid(name, content, validators):
    with pytest.raises(jsonschema.ValidationError):
        validators[name].validate(content)
