"""
Controllers of accounts: identities, their tokens, roles and certificates.

Source:   https://kubernetes.io/docs/reference/access-authn-authz/service-accounts-admin/
"""

from __future__ import annotations

from typing import Final

from reconcile.components.controllers.accounts import rootca, serviceaccount
from reconcile.components.controllers.runtime import Controller

CONTROLLERS: Final[tuple[Controller, ...]] = (rootca.CONTROLLER, serviceaccount.CONTROLLER)
