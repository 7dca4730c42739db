"""The network is cut where the tests say so, and the demo needs none."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests import offline
from tests.offline import cut, ends_well


def test_the_network_is_cut() -> None:
    """The probe can fail: without the cut it finds a network, or a machine that has none."""
    if not cut():
        pytest.skip("this machine lets nobody cut its network: unshare, iproute2")
    assert ends_well(cut())


@pytest.mark.parametrize(("asked", "fails"), [("1", True), ("0", False), ("", False)])
def test_a_cut_that_is_required_is_never_left_out(
    asked: str, fails: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where it cannot be made, the test that wants it fails; elsewhere it runs uncut, as before."""
    monkeypatch.setattr(offline, "WAYS", (("false",),))
    monkeypatch.setattr(offline, "possible", offline.possible.__wrapped__)
    monkeypatch.setenv("CDLAB_REQUIRE_CUT", asked)
    if not fails:
        assert cut() == ()
        return
    with pytest.raises(AssertionError, match="CDLAB_REQUIRE_CUT is set"):
        cut()


@pytest.mark.slow
@pytest.mark.parametrize("architecture", ["v1", "v2", "v3"])
def test_a_demo_needs_no_network(architecture: str, tmp_path: Path) -> None:
    """Nor a home: everything is in the package."""
    program = str(Path(sys.executable).parent / "cdlab")
    done = subprocess.run(
        [*cut(), program, "demo", architecture, "--pace", "0"], capture_output=True, text=True,
        cwd=tmp_path, env={**os.environ, "HOME": str(tmp_path)}, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "production" in done.stdout
