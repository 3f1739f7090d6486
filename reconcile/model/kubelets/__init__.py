"""
Kubelets: how the kubelet of a host is configured, in the words of its KubeletConfiguration.

`settings` reads it from texts, as a host has it; `documents` makes such texts of a KubeletConfiguration; `reading` has
the forms that fields have.
"""

from reconcile.model.kubelets.documents import as_settings, texts_of
from reconcile.model.kubelets.reading import SIGNALS, Threshold, amount_of, check_signal, quantity_of, reclaim_of
from reconcile.model.kubelets.settings import ALLOWLISTED, CRITICAL, DEFAULTS, VERIFICATION, Settings, settings_of

__all__ = [
    "ALLOWLISTED",
    "CRITICAL",
    "DEFAULTS",
    "SIGNALS",
    "VERIFICATION",
    "Settings",
    "Threshold",
    "amount_of",
    "as_settings",
    "check_signal",
    "quantity_of",
    "reclaim_of",
    "settings_of",
    "texts_of",
]
