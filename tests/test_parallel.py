"""Several processes: the order of the items, and an end with whoever started them."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest

from cdlab.parallel import in_processes


def test_results_come_in_the_order_of_the_items() -> None:
    """Whoever is done first."""
    items = list(range(-20, 20))
    assert list(in_processes(abs, items, processes=2)) == [abs(each) for each in items]


def test_an_error_in_a_process_reaches_the_caller() -> None:
    """As itself, not as a broken pool."""
    with pytest.raises(ValueError, match="invalid literal"):
        list(in_processes(int, ["1", "x"], processes=2))


@pytest.mark.slow
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM])
def test_processes_end_with_the_one_that_started_them(how: signal.Signals) -> None:
    """Also when it was killed and could not tell them."""
    program = "from cdlab.cli.main import main; main(['compare', '--runs', '4000'])"
    parent = subprocess.Popen(
        [sys.executable, "-c", program],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert parent.stderr is not None
    parent.stderr.readline()  # progress: they are at work
    parent.send_signal(how)
    # Its processes hold the pipe too: it is at its end when the last of them has ended.
    parent.communicate(timeout=60)
    assert parent.returncode != 0
