"""What pull secrets say of registries."""

import base64
import json

import pytest

from reconcile.api import core_v1
from reconcile.lib.mapping import Map
from reconcile.model.pods.pullsecrets import digest, logins_of


def coded(text):
    return base64.b64encode(text.encode()).decode()


def secret(auths, *, legacy=False):
    text = json.dumps(auths if legacy else {"auths": auths})
    return core_v1.Secret(data=Map({".dockercfg" if legacy else ".dockerconfigjson": coded(text)}))


ME = {"username": "me", "password": "word"}


@pytest.mark.parametrize(
    ("place", "image", "counts"),
    [
        ("r.io", "r.io/app:1", True),
        ("https://r.io/v1/", "r.io/app:1", True),
        ("r.io", "other.io/app:1", False),
        ("r.io/team", "r.io/team/app", True),
        ("r.io/team", "r.io/other/app", False),
        ("r.io:5000", "r.io:5000/app", True),
        ("r.io:5000", "r.io/app", False),
        ("*.r.io", "eu.r.io/app", True),
        ("*.r.io", "r.io/app", False),
        ("https://index.docker.io/v1/", "nginx", True),
        ("docker.io/me", "me/app:2", True),
        ("docker.io/me", "nginx", False),
    ],
)
def test_an_entry_counts_for_the_images_of_its_registry(place, image, counts):
    assert logins_of(secret({place: ME}), image) == ((("me", "word"),) if counts else ())


def test_what_names_more_of_the_image_comes_first():
    more = {"auth": coded("robot:with:colon")}
    found = logins_of(secret({"r.io": ME, "r.io/team": more}), "r.io/team/app")
    assert found == (("robot", "with:colon"), ("me", "word"))


def test_the_older_form_has_no_auths_around_it():
    assert logins_of(secret({"r.io": ME}, legacy=True), "r.io/app") == (("me", "word"),)


@pytest.mark.parametrize(
    "auths", [{"r.io": {}}, {"r.io": {"auth": "?"}}, {"r.io": {"auth": coded("nocolon")}}, {"r.io": 3}, 7]
)
def test_what_says_no_login_gives_none(auths):
    assert logins_of(secret(auths), "r.io/app") == ()


def test_what_is_no_json_gives_none():
    assert logins_of(core_v1.Secret(data=Map({".dockerconfigjson": coded("{")})), "r.io/app") == ()
    assert logins_of(core_v1.Secret(), "r.io/app") == ()


def test_logins_have_digests_of_their_own():
    assert len({digest(("a", "bc")), digest(("ab", "c")), digest(("a", "bc"))}) == 2
