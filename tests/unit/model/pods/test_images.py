import pytest

from reconcile.model.pods import images

_DIGEST = "sha256:" + "a" * 64


@pytest.mark.parametrize(
    ("image", "tag"),
    [
        ("nginx", "latest"),
        ("nginx:1.27", "1.27"),
        ("example.com:5000/web", "latest"),
        ("example.com:5000/web:v1", "v1"),
        ("localhost/web", "latest"),
        ("[::1]:80/web", "latest"),
        (f"nginx@{_DIGEST}", ""),
        (f"nginx:latest@{_DIGEST}", "latest"),
        ("nginx@sha256:abc", ""),
        (f"nginx@sha1:{'a' * 40}", ""),
        ("", ""),
        ("Nginx", ""),
        ("UPPER/web", "latest"),
        ("!not an image", ""),
        ("a" * 300, ""),
        ("a" * 64, ""),
        ("nginx:", ""),
    ],
)
def test_the_tag_of_an_image(image, tag):
    assert images.tag(image) == tag
