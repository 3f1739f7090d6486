"""
Controllers of accounts: identities, their tokens, roles and certificates.

Source:   https://kubernetes.io/docs/reference/access-authn-authz/service-accounts-admin/
"""

from __future__ import annotations

from typing import Final

from reconcile.components.controllers.accounts import bootstrapping, certificates, rootca, serviceaccount, tokens
from reconcile.components.controllers.runtime import Controller
from reconcile.model import webtokens

CONTROLLERS: Final[tuple[Controller, ...]] = (
    rootca.CONTROLLER,
    serviceaccount.CONTROLLER,
    tokens.CONTROLLER,
    bootstrapping.SIGNER,
    bootstrapping.CLEANER,
    *certificates.CONTROLLERS,
)


def with_keys(controllers: tuple[Controller, ...], seed: int) -> tuple[Controller, ...]:
    """Give *controllers* with the key of the cluster of *seed* for those that sign."""
    signing = tokens.controller(webtokens.key_of(seed))
    return tuple([signing if each is tokens.CONTROLLER else each for each in controllers])
