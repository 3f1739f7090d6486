"""Behaviours: both written forms, exact chances, and which pattern counts for an image."""

import json
from pathlib import Path

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconcile.lib.dice import Dice
from reconcile.lib.errors import ReconcileError
from reconcile.lib.instant import MILLISECOND, SECOND
from reconcile.lib.mapping import Map
from reconcile.model.behaviours import (
    Behaviour,
    Behaviours,
    Described,
    Ending,
    Span,
    fraction,
    parse_behaviour,
    served,
    written,
)

SCHEMA = json.loads((Path(__file__).parents[3] / "schemas" / "behaviours.json").read_text(encoding="utf-8"))
SPANS = st.tuples(st.integers(0, 10**6), st.integers(0, 10**6)).map(
    lambda pair: Span(min(pair) * MILLISECOND, max(pair) * MILLISECOND)
)
ENDINGS = st.builds(
    lambda code, after, of, oom: Ending(code=137 if oom else code, after=after, parts=1, of=of, oom=oom),
    st.integers(0, 255),
    SPANS,
    st.integers(5, 10),
    st.booleans(),
)
BEHAVIOURS = st.builds(
    Behaviour,
    pull=SPANS,
    again=SPANS,
    size=st.integers(0, 2**40),
    absent=st.booleans(),
    preloaded=st.booleans(),
    start=SPANS,
    start_fails=st.booleans(),
    ready_after=SPANS,
    readiness_fails_after=st.none() | SPANS,
    liveness_fails_after=st.none() | SPANS,
    endings=st.lists(ENDINGS, max_size=3).map(tuple),
    stop=SPANS,
    stop_code=st.integers(0, 255),
    runs=st.booleans(),
    ignores_sigterm=st.booleans(),
    logs=st.lists(st.text(st.characters(codec="ascii", exclude_characters="\n\r")), max_size=2).map(tuple),
)


def test_the_text_says_what_happens():
    assert parse_behaviour("pull 2s, start 1s, ready after 3s, exit 1 after 30s with probability 0.1") == Behaviour(
        pull=Span(2 * SECOND, 2 * SECOND),
        start=Span(SECOND, SECOND),
        ready_after=Span(3 * SECOND, 3 * SECOND),
        endings=(Ending(code=1, after=Span(30 * SECOND, 30 * SECOND), parts=1, of=10),),
    )


def test_text_and_mapping_say_the_same():
    text = (
        "pull 2s..5s, size 20Mi, ready after 3s, exit 1 after 30s with probability 0.1, "
        "oom after 1m with probability 5%, "
        'stop 2s with code 143, ignores SIGTERM, logs "a, b", readiness fails after 1h'
    )
    mapping = {
        "pull": "2s..5s",
        "size": "20Mi",
        "readyAfter": "3s",
        "readinessFailsAfter": "1h",
        "exits": [{"code": 1, "after": "30s", "probability": 0.1}, {"oom": True, "after": "1m", "probability": "5%"}],
        "stop": {"after": "2s", "code": 143},
        "ignoresSigterm": True,
        "logs": ["a, b"],
    }
    assert parse_behaviour(text) == parse_behaviour(mapping)
    jsonschema.Draft202012Validator(SCHEMA).validate({"sandbox": "0s", "images": {"a": text, "b": mapping}})


@given(BEHAVIOURS)
def test_a_behaviours_text_makes_it_again(behaviour):
    assert parse_behaviour(behaviour.text) == behaviour


@given(st.dictionaries(st.text(st.characters(codec="ascii"), min_size=1), BEHAVIOURS, max_size=3))
def test_a_document_makes_the_same_behaviours_again(images):
    document = Behaviours.parse({"images": {name: images[name].text for name in images}}).document
    jsonschema.Draft202012Validator(SCHEMA).validate(document)
    assert Behaviours.parse(document).document == document


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("pull fast", "'pull fast' is no clause"),
        ("pull 2s, pull 3s", "says again"),
        ("pull 5s..2s", "nor end before it starts"),
        ("", "says nothing"),
        ("pull 2s,, start 1s", "empty clause"),
        ('logs "a', "without its pair"),
        ("exit 256 after 1s", "'exit 256 after 1s': an exit code is 0 to 255"),
        ("pull 2s, start 1x", "'start 1x': '1x' is not a duration"),
        ("size 3x", "'size 3x': not a quantity"),
        ("size -1", "a size is a number of bytes"),
        ("exit \N{ARABIC-INDIC DIGIT ONE} after 1s", "is no clause"),
        ("exit 1 after 1s with probability 1/0", "is not a probability"),
        ("exit 1 after 1s with probability 1/2%", "is not a probability"),
        ({"size": "3x"}, "size: not a quantity"),
        ({"size": True}, "size: not a quantity"),
        ({"logs": ["a", None]}, r"logs\[1\]: must be text"),
        ({"exits": [{"code": 1, "after": "1s", "probability": -0.1}]}, "is not a probability"),
        ("exit 1 after 1s with probability 1.5", "0 to 1"),
        ("exit 1 after 1s with probability 0.6, exit 2 after 1s with probability 0.6", "more than 1"),
        ({"pul": "2s"}, "there is no such field"),
        ({"pull": 2}, "must be a duration"),
        ({"exits": [{"code": 1}]}, "needs 'after'"),
        (["pull 2s"], "must be text or a mapping"),
    ],
)
def test_what_makes_no_sense_is_refused_with_its_path(written, said):
    with pytest.raises(ReconcileError, match=said) as refused:
        Behaviours.parse({"images": {"web": written}})
    assert str(refused.value).startswith("images['web']")


@pytest.mark.parametrize(
    ("text", "exact"),
    [("0.1", (1, 10)), ("10%", (1, 10)), ("1/10", (1, 10)), (0.1, (1, 10)), (1, (1, 1)), (1e-07, (1, 10**7))],
)
def test_probabilities_are_exact(text, exact):
    assert fraction(text) == exact


def test_the_most_specific_pattern_counts():
    behaviours = Behaviours.parse(
        {"images": {"*": "size 1", "web": "size 2", "web:2": "size 3", "*/team/*": "size 4", "*/team/api:*": "size 5"}}
    )
    sizes = {
        "other:1": 1, "web:1": 2, "web": 2, "docker.io/library/web:7": 2, "web:2": 3,
        "reg.io:5000/team/x:1": 4, "reg.io:5000/team/api:1": 5,
    }  # fmt: skip
    assert {image: behaviours.of(image).size for image in sizes} == sizes


def test_the_default_knows_the_control_plane():
    default = Behaviours.default()
    assert default.of("registry.k8s.io/kube-apiserver:v1.36.0").preloaded
    assert not default.of("nginx").preloaded


def test_ends_come_as_often_as_they_should():
    behaviour = parse_behaviour("exit 1 after 1s with probability 1/4, exit 2 after 1s with probability 1/8")
    dice, counts = Dice(1, "test"), {None: 0, 1: 0, 2: 0}
    for _ in range(4000):
        ending, dice = behaviour.ending(dice)
        counts[ending.code if ending else None] += 1
    assert (round(counts[1] / 100), round(counts[2] / 100)) == (10, 5)


def test_a_range_is_drawn_from_end_to_end():
    span, dice, seen = Span(2, 4), Dice(1, "test"), set()
    for _ in range(100):
        drawn, dice = span.draw(dice)
        seen.add(drawn)
    assert seen == {2, 3, 4}


RULES = {
    "images": {"app": "exit 1 after 1s"},
    "containers": [
        {"image": "app:*", "behaviour": "exit 2 after 1s"},
        {"labels": {"tier": "db"}, "behaviour": "exit 3 after 1s"},
        {"labels": {"tier": "db", "zone": "a"}, "behaviour": "exit 4 after 1s"},
        {"name": "side*", "behaviour": "exit 5 after 1s"},
        {"name": "sidecar", "behaviour": {"exits": [{"code": 6, "after": "1s"}]}},
        {"command": "migrate *", "behaviour": "exit 7 after 1s"},
        {"command": "migrate *", "behaviour": "exit 8 after 1s"},
        {"command": "migrate * --all", "labels": {"tier": "db"}, "behaviour": "exit 9 after 1s"},
    ],
}


@pytest.mark.parametrize(
    ("image", "name", "command", "labels", "code"),
    [
        ("app:2", "main", "", {}, 2),
        ("other", "main", "", {"tier": "db"}, 3),
        ("app:2", "main", "", {"tier": "db", "zone": "a", "more": "x"}, 4),
        ("app:2", "sideways", "", {"tier": "db", "zone": "a"}, 5),
        ("app:2", "sidecar", "", {}, 6),
        ("app:2", "sidecar", "migrate up", {"tier": "db"}, 7),
        ("app:2", "sidecar", "migrate up --all", {}, 7),
        ("app:2", "main", "migrate up --all", {"tier": "db"}, 9),
    ],
)
def test_the_rule_that_describes_a_container_most_closely_counts(image, name, command, labels, code):
    jsonschema.Draft202012Validator(SCHEMA).validate(RULES)
    behaviours = Behaviours.parse(RULES)
    container = Described(image=image, name=name, command=command, labels=Map(labels))
    assert behaviours.doing(container).endings[0].code == code
    assert Behaviours.parse(behaviours.document) == behaviours
    jsonschema.Draft202012Validator(SCHEMA).validate(behaviours.document)


def test_a_container_that_no_rule_describes_does_what_its_image_does():
    behaviours = Behaviours.parse({"images": {"web": "runs"}, "containers": [{"name": "a", "behaviour": "default"}]})
    assert behaviours.doing(Described(image="web", name="b", command="", labels=Map())).runs
    assert not behaviours.doing(Described(image="web", name="a", command="", labels=Map())).runs


@pytest.mark.parametrize(
    ("rule", "problem"),
    [
        (3, "containers[0]: must be a mapping, not 3"),
        ({"name": "a"}, "containers[0].behaviour: must say what these containers do: {'name': 'a'}"),
        (
            {"labels": {}, "behaviour": "runs"},
            "containers[0]: needs at least one of labels, name, command, image: {'labels': {}, 'behaviour': 'runs'}",
        ),
        ({"labels": ["a"], "behaviour": "runs"}, "containers[0].labels: must map labels to values, not be ['a']"),
        ({"labels": {"a": 1}, "behaviour": "runs"}, "containers[0].labels.a: must be text, not 1"),
        ({"name": "a", "behaviour": "run"}, "containers[0].behaviour: 'run' is no clause such as"),
        (
            {"name": "a", "behaviour": "pull 7s"},
            "containers[0].behaviour: 'pull' is said of images, not of containers: 'pull 7s'",
        ),
        ({"name": "a", "behavior": "runs"}, "containers[0].behavior: there is no such field"),
        (
            {"name": "a", "behaviour": "runs, exit 1 after 2s"},
            "containers[0].behaviour: says that it runs on, and how it ends for certain: 'runs, exit 1 after 2s'",
        ),
    ],
)
def test_what_is_wrong_with_a_rule_is_shown_with_its_place(rule, problem):
    with pytest.raises(ReconcileError) as caught:
        Behaviours.parse({"containers": [rule]})
    assert str(caught.value).startswith(problem)


@pytest.mark.parametrize(
    ("text", "row"),
    [
        ('answers "GET :80/*"', {"to": "GET :80/*"}),
        ('answers "tcp :1" ready after 3s fails after 4s takes 1s..2s',
         {"to": "tcp :1", "readyAfter": "3s", "fails": "4s", "takes": "1s..2s"}),
        ('answers "exec say \\"hi\\"" fails', {"to": 'exec say "hi"', "fails": True}),
    ],
)  # fmt: skip
def test_an_answer_is_written_in_either_form(text, row):
    behaviour = parse_behaviour(text)
    assert behaviour == parse_behaviour({"answers": [row]})
    assert behaviour.text == text


def test_the_first_answer_that_fits_counts():
    behaviour = parse_behaviour('answers "GET :80/a*" takes 1s, answers "*" fails, memory 1Gi, disk 2Ki, message "bye"')
    assert str(behaviour.reply("GET :80/abc").takes) == "1s"
    assert behaviour.reply("tcp :80").to == "*"
    assert parse_behaviour("runs").reply("tcp :80") is None
    assert (str(behaviour.memory), str(behaviour.disk), behaviour.message) == ("1Gi", "2Ki", "bye")
    assert parse_behaviour(behaviour.text) == behaviour


@pytest.mark.parametrize(
    ("written", "why"),
    [
        ('answers "a" takes long', "is no clause"),
        ({"answers": [{"fails": True}]}, "answers[0]: needs 'to'"),
        ({"answers": [{"to": "a", "takes": 3}]}, "answers[0].takes"),
        ({"answers": [{"to": "a", "often": "3s"}]}, "answers[0].often: there is no such field"),
        ({"memory": "-1"}, "memory"),
        ({"message": 3}, "message: must be text, not 3"),
    ],
)
def test_an_answer_that_cannot_be_read_is_refused(written, why):
    with pytest.raises(ReconcileError) as refused:
        parse_behaviour(written)
    assert why in str(refused.value)


@pytest.mark.parametrize(
    ("text", "row"),
    [
        ("exit 3 without db", {"code": 3, "without": "db"}),
        ("exit 3 without other/db", {"code": 3, "without": "other/db"}),
        ("exit 4 when disk is full", {"code": 4, "diskFull": True}),
        ("exit 28 when /data is full", {"code": 28, "full": "/data"}),
        ("exit 5 with probability 1/100 a day", {"code": 5, "dailyProbability": "1%"}),
    ],
)
def test_an_end_has_a_cause_in_either_form(text, row):
    jsonschema.validate({"images": {"a": {"exits": [row]}}}, SCHEMA)
    behaviour = parse_behaviour(text)
    assert behaviour == parse_behaviour({"exits": [row]})
    assert behaviour.text == text
    assert behaviour.endings == ()


def test_lines_for_requests_are_as_many_as_come():
    text = 'logs "up", logs "GET" per request, logs "done" per request'
    rows = ["up", {"line": "GET", "perRequest": True}, {"line": "done", "perRequest": True}]
    jsonschema.validate({"images": {"a": {"logs": rows}}}, SCHEMA)
    behaviour = parse_behaviour({"logs": rows})
    assert behaviour == parse_behaviour(text)
    assert behaviour.text == text
    assert written(behaviour, 0, 10 * SECOND) == [(0, "up")]
    half = 10**9 // 2
    assert served(behaviour, 0, 5 * SECOND, lambda _: half) == [
        (2 * SECOND, "GET"),
        (2 * SECOND, "done"),
        (4 * SECOND, "GET"),
        (4 * SECOND, "done"),
    ]
    assert served(behaviour, 0, 5 * SECOND, lambda _: 0) == []
    rising = served(behaviour, 0, 4 * SECOND, lambda at: at)  # as many as seconds have gone by: eight in four seconds
    assert [at // SECOND for at, line in rising if line == "GET"] == [1, 2, 2, 2, 3, 3, 3, 4]
    many = served(behaviour, SECOND, 3 * 86_400 * SECOND, lambda _: 10**12)
    assert len(many) == 10_000
    assert many[-1][0] == 3 * 86_400 * SECOND
    for wrong in ({"line": "x", "perRequest": False}, {"line": "x", "perRequest": True, "after": "1s"}):
        with pytest.raises(ReconcileError, match="'perRequest' is true, and goes with 'line' alone"):
            parse_behaviour({"logs": [wrong]})


def test_a_metric_has_labels_in_any_order():
    text = "metric inflight 1, metric inflight{path=cart,verb=get} 5..9 over 1m0s"
    row = {"inflight": 1, "inflight{verb=get, path=cart}": "5..9 over 1m"}
    jsonschema.validate({"images": {"a": {"metrics": row}}, "external": {"x{a=b}": 1}}, SCHEMA)
    assert parse_behaviour({"metrics": row}) == parse_behaviour(text)
    assert parse_behaviour(text).text == text
    read = Behaviours.parse({"external": {"x{b=2,a=1}": "5"}})
    assert list(read.external) == ["x{a=1,b=2}"]
    assert Behaviours.parse(read.document) == read


def test_work_in_either_form():
    for text, row in (
        ("works off papers each 2s..5s", {"queue": "papers", "each": "2s..5s"}),
        ("works one of papers each 1m0s", {"queue": "papers", "each": "1m", "one": True}),
    ):
        jsonschema.validate({"queues": {"papers": 3}, "images": {"a": {"work": row}}}, SCHEMA)
        assert parse_behaviour({"work": row}) == parse_behaviour(text)
        assert parse_behaviour(text).text == text
    read = Behaviours.parse({"queues": {"papers": 3}, "images": {"a": "works off papers each 2s"}})
    assert Behaviours.parse(read.document) == read


def test_what_is_written_where_in_either_form():
    row = {"to": "/data/base/", "amount": "1Gi..2Gi over 1h"}
    jsonschema.validate({"images": {"a": {"writes": [row]}}}, SCHEMA)
    text = "writes 1Gi..2Gi over 1h0m0s to /data/base"
    assert parse_behaviour({"writes": [row]}) == parse_behaviour(text)
    assert parse_behaviour(text).text == text
    twice = "writes 5Mi to /a, writes 1Mi + 1Ki per request to /b"
    assert parse_behaviour(twice).text == twice


def test_ends_of_all_kinds_go_together():
    text = "exit 1 after 30s with probability 1/10, exit 5 with probability 1/3 a day, exit 3 without db"
    assert parse_behaviour(text).text == text


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("exit 3 without d_b", "'exit 3 without d_b' is no clause"),
        ("exit 300 without db", "an exit code is 0 to 255, not '300'"),
        ("exit 3 with probability 2 a day", "a probability is 0 to 1, not '2'"),
        ({"exits": [{"code": 3, "without": "db", "after": "1s"}]}, "'without' goes with 'code' alone"),
        ({"exits": [{"oom": True, "dailyProbability": "1%"}]}, "'dailyProbability' goes with 'code' alone"),
        ({"exits": [{"code": 3, "full": "data"}]}, "exits[0].full: must be an absolute path such as /data, not 'data'"),
        ("metric a{b} 5", "labels are said once each, as in {path=cart}, not 'b'"),
        ("metric a{b=1,b=2} 5", "labels are said once each"),
        ("metric a{b=/x} 5", "'/x'"),
        ("metric a{b=1 5", "is no clause"),
        ("metric a{b=1,c=2} 5, metric a{c=2,b=1} 6", "says again what was said before"),
        ({"metrics": {"a{": 1}}, "metrics.a{: a metric's name is lower case letters"),
        ({"work": {"queue": "papers"}}, "work: needs 'queue' and 'each'"),
        ({"work": {"queue": "Papers", "each": "1s"}}, "work: 'Papers'"),
        ("works off papers", "is no clause"),
        ({"writes": [{"to": "/data"}]}, "writes[0]: needs 'to' and 'amount'"),
        ({"writes": [{"to": "/a/../b", "amount": 1}]}, "writes[0].to: must be an absolute path"),
        ("writes much to /data", "'much'"),
        ({"exits": [{"code": 3, "diskFull": False}]}, "exits[0].diskFull: must be true, or not be there"),
        ({"exits": [{"code": 3, "without": "a/b/c"}]}, "must be NAME or NAMESPACE/NAME of a service, not 'a/b/c'"),
    ],
)
def test_a_cause_that_cannot_be_understood_is_refused(written, said):
    with pytest.raises(ReconcileError) as error:
        parse_behaviour(written)
    assert said in str(error.value)
