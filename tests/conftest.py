"""What every test shares: the Hypothesis profiles and where the repository stands."""

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# Time limits belong to CI as a whole: one slow example on a busy machine is no bug. A suite is red because of a change,
# not by chance: what is derandomised draws the same examples until a test or its strategies change; soaks draw anew.
_ALWAYS = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow]}
settings.register_profile("dev", max_examples=50, derandomize=True, **_ALWAYS)
settings.register_profile("ci", max_examples=200, derandomize=True, print_blob=True, **_ALWAYS)
settings.register_profile("soak", max_examples=20_000, derandomize=False, print_blob=True, **_ALWAYS)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "dev"))


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--rewrite", action="store_true", help="let golden scenarios be written anew (never in CI)")


def pytest_report_header() -> str:
    return f"hypothesis max_examples: {settings.default.max_examples}, PYTHONHASHSEED: {_hash_seed()}"


def _hash_seed() -> str:
    return os.environ.get("PYTHONHASHSEED", "random")


@pytest.fixture(scope="session")
def root() -> Path:
    """The repository."""
    return Path(__file__).parent.parent
