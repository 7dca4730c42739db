"""`docs/how-to-move.md`: what a reader copies from it does what the page says."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from cdlab.config_layout import noted_health
from cdlab.environment_policies import environment_policy
from cdlab.exports import exports
from cdlab.manifests import documents
from cdlab.model import Digest
from cdlab.substrates.kind.access import RULES
from tests.api_server import DIGEST
from tests.test_exports import sample

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs/how-to-move.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```bash\n(.*?)```", PAGE, re.DOTALL)
NEXT = "registry.test/users:2.0"


def block(word: str) -> str:
    """The one block of commands with this word in it."""
    (found,) = (each for each in BLOCKS if word in each)
    return str(found)


class Desk:
    """A folder with a config repo, and a PATH on which some programs only write down their call."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.calls = folder, folder / "calls"
        (folder / "bin").mkdir()
        self.run("git init --quiet --bare --initial-branch=main origin.git")
        self.run("git clone --quiet origin.git config 2>/dev/null")
        (text,) = (each.text for each in exports("staging", sample()))
        for environment in ("staging", "production"):
            file = folder / f"config/environments/{environment}/users.yaml"
            file.parent.mkdir(parents=True)
            file.write_text(text)
            self.run(f"git -C config add . && git -C config commit -qm 'Export {environment}'")
        self.run("git -C config push --quiet origin HEAD:main")

    def program(self, name: str, output: str = "") -> None:
        path = self.folder / "bin" / name
        path.write_text(
            f"#!/bin/sh\necho {name} \"$@\" >> {self.calls}\ncat <<'EOF'\n{output}\nEOF\n"
        )
        path.chmod(0o755)

    def run(self, commands: str, **variables: str) -> str:
        who = {
            f"GIT_{r}_{w}": "ann@cdlab.test"
            for r in ("AUTHOR", "COMMITTER")
            for w in ("NAME", "EMAIL")
        }
        path = f"{self.folder / 'bin'}:{os.environ['PATH']}"
        environment = {
            **os.environ,
            **who,
            "GIT_CONFIG_GLOBAL": "/dev/null",
            "PATH": path,
            **variables,
        }
        done = subprocess.run(
            ["bash", "-eu", "-o", "pipefail", "-c", commands],
            cwd=self.folder, env=environment, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done.stdout


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """With the export of step 2 pushed."""
    return Desk(tmp_path)


def test_bash_accepts_every_block(tmp_path: Path) -> None:
    """Nobody copies a syntax error."""
    assert len(BLOCKS) == 6
    for each in BLOCKS:
        subprocess.run(["bash", "-n"], input=each, text=True, check=True, cwd=tmp_path)


def test_the_role_is_the_one_that_the_lab_gives() -> None:
    """What V2's CI may do, and later the manager, is what the tests on kind are played with."""
    (text,) = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    (role,) = documents(text)
    assert role["rules"] == [each.as_json() for each in RULES["apply"]]


def test_the_deploy_step_edits_commits_and_applies(desk: Desk) -> None:
    """In every environment, by tag or by digest, and nothing but the image."""
    desk.program("kubectl")
    file = desk.folder / "config/environments/production/users.yaml"
    before = file.read_text()
    file.write_text(before.replace("users:1.4", f"users:1.4@{DIGEST}"))
    desk.run("git -C config commit -qam 'By digest' && git -C config push -q origin HEAD:main")
    desk.run("rm -rf config")
    image, tag = NEXT.split(":")
    desk.run(block("sed -E"), CONFIG="origin.git", NAME="users", IMAGE=image, TAG=tag)
    shown = desk.run("git -C origin.git show --format=%s main")
    assert shown.startswith("Release users 2.0\n")
    for environment in ("staging", "production"):
        text = desk.run(f"git -C origin.git show main:environments/{environment}/users.yaml")
        assert text == before.replace("registry.test/users:1.4", NEXT)
    applied = desk.calls.read_text().splitlines()
    assert [each.split()[-1] for each in applied] == [
        "environments/staging/users.yaml",
        "environments/production/users.yaml",
    ]


def test_the_policy_is_one(desk: Desk) -> None:
    """It automates staging, it is pushed, and no manifest is touched."""
    desk.run(block("automated: true"))
    text = desk.run("git -C origin.git show main:environments/staging/policy.yaml")
    assert environment_policy(text, "policy.yaml").is_automated
    changed = desk.run("git -C origin.git show --format= --name-only main").split()
    assert changed == ["environments/staging/policy.yaml"]


@pytest.mark.skipif(shutil.which("jq") is None, reason="jq is not on the PATH")
def test_the_notes_say_what_ran(desk: Desk) -> None:
    """On the commit that last changed each manifest, pushed, and as the manager reads them."""
    places = [(e, "users", f"environments/{e}/users.yaml") for e in ("staging", "production")]
    notes = [{"path": p, "note": f"{e}/{n} healthy {DIGEST}"} for e, n, p in places]
    desk.program("cdlab", json.dumps({"files": [*notes, {"path": "x", "note": ""}]}))
    for _ in range(2):  # once more does no harm
        desk.run(block("git -C config notes"))
    for environment, name, path in places:
        revision = desk.run(f"git -C config log -1 --format=%H -- {path}").strip()
        note = desk.run(f"git -C origin.git notes --ref=cdlab-health show {revision}")
        assert noted_health(note, environment, name) == (True, Digest(DIGEST))
    assert "--dry-run --json" in desk.calls.read_text()


def test_every_refusal_has_its_row() -> None:
    """In the words of the command, with something to do."""
    source = "".join(
        (ROOT / "cdlab" / f"{each}.py").read_text() for each in ("exports", "exporting")
    )
    (table,) = re.findall(r"\| what it says .*?\n\n", PAGE, re.DOTALL)
    parts = (
        "nothing runs there that is a Deployment",
        "is neither a Deployment nor of one",
        "sends requests to pods of",
        "containers, and none is called",
        "says no version",
        "tells by digest what it runs",
        "is two images: the tag was moved",
        "a rollout is under way or has failed",
        "it belongs to the",
        "is there and says something else than what runs",
    )
    assert len(table.splitlines()) == len(parts) + 3
    for each in parts:
        assert each in table
        assert each in source
