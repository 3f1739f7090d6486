"""Statuses: codes, reasons and words of refusals."""

import pytest

from reconcile.api import convert, meta_v1
from reconcile.model import statuses


@pytest.mark.parametrize(
    ("status", "code", "reason", "message", "details"),
    [
        (
            statuses.not_found("deployments.apps", "web"),
            404,
            "NotFound",
            'deployments.apps "web" not found',
            {"name": "web", "group": "apps", "kind": "deployments"},
        ),
        (
            statuses.no_such_resource(),
            404,
            "NotFound",
            "the server could not find the requested resource",
            {},
        ),
        (
            statuses.forbidden("pods", "", "because"),
            403,
            "Forbidden",
            "pods is forbidden: because",
            {"kind": "pods"},
        ),
        (statuses.unauthorized(), 401, "Unauthorized", "Unauthorized", None),
        (
            statuses.too_large_version(9, 7),
            504,
            "Timeout",
            "Timeout: Too large resource version: 9, current: 7",
            {
                "causes": [{"reason": "ResourceVersionTooLarge", "message": "Too large resource version"}],
                "retryAfterSeconds": 1,
            },
        ),
        (
            statuses.server_timeout("pods", "create", 3),
            500,
            "ServerTimeout",
            "The create operation against pods could not be completed at this time, please try again.",
            {"kind": "pods", "retryAfterSeconds": 3},
        ),
        (statuses.unexpected("odd"), 500, None, "odd", None),
        (
            statuses.internal("odd"),
            500,
            "InternalError",
            "Internal error occurred: odd",
            {"causes": [{"message": "odd"}]},
        ),
    ],
)
def test_refusals(status, code, reason, message, details):
    written = convert.dump(status)
    assert (written["status"], written["code"], written.get("reason")) == ("Failure", code, reason)
    assert (written["message"], written.get("details")) == (message, details)


def test_every_cause_is_told_once():
    one, other = (meta_v1.StatusCause(reason="r", field=field, message="Required value") for field in ("a", "b"))
    assert statuses.invalid("", "Pod", "p", (one,)).message == 'Pod "p" is invalid: a: Required value'
    status = statuses.invalid("apps", "Deployment", "d", (one, other, one))
    assert status.message == 'Deployment.apps "d" is invalid: [a: Required value, b: Required value]'
    assert status.details.causes == (one, other, one)
