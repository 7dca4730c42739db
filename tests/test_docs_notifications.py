"""The page on notifications and metrics says what is so: its example, its tables, its snippet."""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import cast

import pytest
import typer

from cdlab.cli.main import app
from cdlab.dates import rfc3339
from cdlab.history import History
from cdlab.kernel import Kernel
from cdlab.manager import notifier, webhook
from cdlab.manager.metering import ManagerMetrics
from cdlab.manager.noticing import Noticing
from cdlab.manager.queue import ReleaseQueue
from cdlab.manager.watching import ManagerIntervals
from cdlab.model import Application, Environment, Microservice
from cdlab.notifications import Kind, Notification
from cdlab.substrates.kind.cluster_events import event_of

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs/notifications.md").read_text(encoding="utf-8")
EXAMPLE = re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)[0]


def told() -> list[Notification]:
    """What the golden run of the story *rollback* tells."""
    noticing = Noticing(json.loads(EXAMPLE)["id"].partition("-")[0], 0.0)
    history = History.load(ROOT / "tests/golden/v3-rollback.jsonl")
    found = (noticing.see(event, rfc3339(event.t_us / 1e6)) for event in history)
    return [each for each in found if each]


def test_the_example_is_what_a_run_tells() -> None:
    """The rollback of the simulated story, field by field and in that order."""
    (rollback,) = (each for each in told() if each.kind is Kind.ROLLED_BACK)
    assert list(json.loads(EXAMPLE).items()) == list(json.loads(rollback.to_json()).items())


def test_every_field_is_explained() -> None:
    """And no other one."""
    table = PAGE.partition("| field |")[2].partition("\n\n")[0]
    cells = re.findall(r"^\| (`.*?) \|", table, re.MULTILINE)
    named = [word for cell in cells for word in re.findall(r"`(\w+)`", cell)]
    assert sorted(named) == sorted(json.loads(EXAMPLE))


def test_every_kind_has_its_row_and_its_event() -> None:
    """With the reason and the type that Kubernetes shows."""
    rows = re.findall(r"^\| `([a-z ]+)` \| .* \| `(\w+)`, (\w+) \|$", PAGE, re.MULTILINE)
    expected = []
    for kind in Kind:
        one = Notification(
            id="p1-1", kind=kind, time="1970-01-01T00:00:00Z", environment="staging",
            microservice="users", cause="release",
        )  # fmt: skip
        made = event_of(one, "shop-staging", "", "p1")
        expected.append((str(kind), made["reason"], made["type"]))
    assert rows == expected


def test_every_metric_has_its_row_with_its_type() -> None:
    """And is really there, once something was told."""
    kernel = Kernel()
    application = Application((Microservice("users", "h/users"),), (Environment("staging"),))
    queue = ReleaseQueue(kernel, None, None, application, ManagerIntervals(300.0))  # type: ignore[arg-type]
    metrics = ManagerMetrics(
        kernel, queue, application, lambda: {("released", "delivered", "webhook"): 1}
    )
    metrics.taken("release", 0.0)
    for event in History.load(ROOT / "tests/golden/v3-rollback.jsonl"):
        metrics.see(event)
    rows = re.findall(r"^\| `((?:cdlab|process)_\w+)` \| (\w+) \|", PAGE, re.MULTILINE)
    assert rows == list(dict.fromkeys((each.name, each.kind) for each in metrics()))


def test_the_numbers_of_the_page_are_those_of_the_code() -> None:
    """How many wait, when it is tried again, which headers there are."""
    assert f"at most {notifier.MOST_WAITING} notifications" in PAGE
    pauses = [notifier.FIRST_PAUSE_SECONDS * 2**n for n in range(notifier.ATTEMPTS - 1)]
    *first, last = (f"{each:g}" for each in pauses)
    assert f"after {', '.join(first)}\nand {last} s" in PAGE
    for word in (webhook.SIGNATURE, webhook.DELIVERY, *map(str, webhook.AGAIN)):
        assert word in PAGE


@pytest.mark.parametrize(("secret", "is_good"), [(b"hunter2", True), (b"another", False)])
def test_the_snippet_tells_whether_a_body_is_signed(secret: bytes, is_good: bool) -> None:
    """With the library's own signature."""
    (snippet,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    names: dict[str, object] = {"hmac": hmac, "hashlib": hashlib}
    exec(snippet, names)
    is_signed = cast(Callable[[bytes, str, bytes], bool], names["is_signed"])
    body = told()[0].to_json().encode()
    header = f"sha256={hmac.new(b'hunter2', body, hashlib.sha256).hexdigest()}"
    assert is_signed(body, header, secret) is is_good


def test_the_command_of_the_page_exists() -> None:
    """With the options that it shows."""
    (line,) = re.findall(r"^cdlab manager install (.*)$", PAGE, re.MULTILINE)
    manager = typer.main.get_command(app).commands["manager"]  # type: ignore[attr-defined]
    known = {option for each in manager.commands["install"].params for option in each.opts}
    assert {each for each in line.split() if each.startswith("--")} <= known
