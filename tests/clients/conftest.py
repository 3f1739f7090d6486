"""Real clients against a served cluster. What this machine lacks is skipped, and says so."""

import os
import shutil
import subprocess

import pytest

pytest.importorskip("aiohttp", reason="serving comes with the extra 'serve'")


@pytest.fixture(scope="session")
def kubectl_program():
    """kubectl: $KUBECTL, or the one on the path; `install-kubectl.sh` builds one."""
    found = os.environ.get("KUBECTL") or shutil.which("kubectl")
    if not found:
        pytest.skip("there is no kubectl here: tests/clients/install-kubectl.sh builds one where Go is")
    return found


@pytest.fixture
def kubectl(kube, kubectl_program, tmp_path):
    """Run kubectl as the admin of the test's cluster; gives what it printed, fails where it fails."""
    environment = {
        **os.environ,
        "KUBECONFIG": str(kube.kubeconfig),
        "HOME": str(tmp_path),
        "KUBECACHEDIR": str(tmp_path / "cache"),
    }

    def run(*args, stdin=None, code=0, environment=environment, **more):
        ended = subprocess.run(
            [kubectl_program, *args],
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
            timeout=20,
            env={**environment, **more},
            cwd=tmp_path,
        )
        said = f"$ kubectl {' '.join(args)}\n{ended.stdout}{ended.stderr}"
        assert ended.returncode == code, said
        return ended.stdout if code == 0 else ended.stdout + ended.stderr

    run.program, run.environment, run.folder = kubectl_program, environment, tmp_path
    return run
