import pytest

from reconcile.components.scheduler.cache.wishes import Wishes, pinned, tagged, wishes_of

NAME = "metadata.name"


def test_a_plain_pod_wishes_nothing_but_its_images(kit):
    assert wishes_of(kit.pod("a")) == Wishes(images=("nginx:1",))


def test_pods_that_differ_in_name_only_wish_alike(kit):
    spec = {"node_selector": kit.quantities(), "tolerations": (kit.toleration("x", "Exists"),)}
    assert wishes_of(kit.pod("a", **spec)) == wishes_of(kit.pod("b", **spec))


def test_required_affinity_without_terms_is_not_no_affinity(kit):
    assert not wishes_of(kit.pod("a", affinity=kit.affinity(preferred=[(1, ([("zone", "Exists")],))]))).affine
    assert wishes_of(kit.pod("a", affinity=kit.affinity(([("zone", "Exists")],)))).affine


@pytest.mark.parametrize(
    ("image", "name"),
    [
        ("nginx", "nginx:latest"),
        ("nginx:1", "nginx:1"),
        ("registry:5000/nginx", "registry:5000/nginx:latest"),
        ("nginx@sha256:0", "nginx@sha256:0"),
    ],
)
def test_images_have_tags(image, name):
    assert tagged(image) == name


@pytest.mark.parametrize(
    ("terms", "names"),
    [
        ([((), [(NAME, "In", "b")]), ((), [(NAME, "In", "a")])], ("a", "b")),
        ([((), [(NAME, "In", "b"), (NAME, "In", "a")])], ()),
        ([([("zone", "Exists")], [(NAME, "In", "b")])], ("b",)),
        ([((), [(NAME, "In", "b")]), ([("zone", "Exists")], ())], None),
        ([((), [(NAME, "NotIn", "b")])], None),
        ([], None),
    ],
)
def test_pinned_to_names(kit, terms, names):
    assert pinned(wishes_of(kit.pod("a", affinity=kit.affinity(*terms)))) == names
