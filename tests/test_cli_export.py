"""`cdlab export`: files that appear all or not at all, and nothing that is lost by writing them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from cdlab import worlds
from cdlab.assembly import Assembly
from cdlab.cli import main
from cdlab.history import History
from cdlab.manifests import image_of, replace_image
from cdlab.recording import Recorder
from cdlab.scenario import Scenario
from cdlab.stories import Lab
from cdlab.stories.actions import bootstrap
from cdlab.substrates.kind import named_namespaces

WHERE = ("--environment", "staging=shop-staging", "--environment", "production=shop")
STAGING = "environments/staging/users.yaml"


class Shop:
    """A simulated cluster in which V1 has shipped, in the place of the one of a kubeconfig."""

    def __init__(self) -> None:
        scenario = Scenario(architecture="v1", microservices=("users", "orders"))
        world = worlds.simulated(scenario)
        self.kernel = world.kernel
        assembly = Assembly(world, scenario, Recorder(world.kernel, History()))

        async def ship() -> Lab:
            lab = await assembly.start()
            await bootstrap(lab)
            for each in ("users", "orders"):
                await lab.ports("operator").cluster.rollout_status(each, "production")
            return lab

        self.lab = self.kernel.run(ship())
        self.namespaces: dict[str, str] = {}

    @contextmanager
    def connected(self, _: object, namespaces: dict[str, str]) -> Iterator[tuple[Any, Any]]:
        self.namespaces = dict(namespaces)
        yield self.kernel, self.lab.ports("operator").cluster


@pytest.fixture
def shop(monkeypatch: pytest.MonkeyPatch) -> Shop:
    """Reached by every `cdlab export` of the test."""
    found = Shop()
    monkeypatch.setattr(named_namespaces, "connected", found.connected)
    return found


def export(folder: Path, *more: str) -> int | str | None:
    with pytest.raises(SystemExit) as ended:
        main.main(["export", str(folder), *WHERE, *more])
    return ended.value.code


def files(folder: Path) -> dict[str, str]:
    found = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_text() for path in found}


def test_it_writes_a_file_for_each_environment_and_workload(
    shop: Shop, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """In the layout of a config repo, from the namespaces that were named."""
    assert export(tmp_path / "config") == 0
    found = files(tmp_path / "config")
    places = [
        f"environments/{e}/{n}.yaml" for e in ("production", "staging") for n in ("orders", "users")
    ]
    assert list(found) == places
    assert shop.namespaces == {"staging": "shop-staging", "production": "shop"}
    image = image_of(found[STAGING], "users")
    assert f"written: {STAGING} ({image})" in capsys.readouterr().out


def test_again_it_changes_nothing_also_where_somebody_wrote_it_in_other_words(
    shop: Shop, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Comments and order are people's; what counts is what applying it would change."""
    export(tmp_path)
    path = tmp_path / STAGING
    path.write_text("# Ask ann first.\n" + path.read_text().replace("replicas: 2", "replicas: 0x2"))
    before = files(tmp_path)
    capsys.readouterr()
    assert export(tmp_path) == 0
    assert files(tmp_path) == before
    assert capsys.readouterr().out.count("same: ") == 4


def test_a_file_that_says_something_else_is_not_overwritten(
    shop: Shop, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing at all is written then; who wants it says so, and is told what was overwritten."""
    export(tmp_path)
    right = files(tmp_path)
    path = tmp_path / STAGING
    path.write_text(replace_image(right[STAGING], "users", "registry.test/users:other"))
    (tmp_path / "environments/production/users.yaml").unlink()
    before = files(tmp_path)
    assert export(tmp_path) == 1
    assert files(tmp_path) == before
    told = capsys.readouterr().err
    assert f"error: {STAGING} is there and says something else than what runs" in told
    assert "--overwrite" in told
    assert export(tmp_path, "--overwrite") == 0
    assert files(tmp_path) == right
    assert f"overwritten: {STAGING}" in capsys.readouterr().out


@pytest.mark.parametrize(
    "text", ["", "kind: [", "{}\n", "\x00", "metadata: x\n", "kind: Service\n"]
)
def test_a_file_that_is_no_such_manifest_is_not_overwritten_either(
    shop: Shop, tmp_path: Path, text: str
) -> None:
    """Whatever it is, it is somebody's."""
    path = tmp_path / STAGING
    path.parent.mkdir(parents=True)
    path.write_text(text)
    assert export(tmp_path) == 1
    assert files(tmp_path) == {STAGING: text}


def test_a_dry_run_writes_nothing(shop: Shop, tmp_path: Path) -> None:
    """It says what would be written, with the digests and the notes for a release manager."""
    assert export(tmp_path, "--dry-run") == 0
    assert files(tmp_path) == {}


def test_programs_get_all_of_it(
    shop: Shop, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Path, image, digest, and the note by which a manager can go back to it."""
    assert export(tmp_path, "users", "--json") == 0
    found = json.loads(capsys.readouterr().out)["files"]
    assert [each["path"] for each in found] == [STAGING, "environments/production/users.yaml"]
    first = found[0]
    assert first["note"] == f"staging/users healthy {first['digest']}"
    assert first["digest"].startswith("sha256:")
    assert (first["state"], first["environment"], first["workload"]) == (
        "written", "staging", "users",
    )  # fmt: skip


def test_what_cannot_be_exported_is_refused_with_every_reason(
    shop: Shop, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """And nothing of the rest is written: half a config repo is none."""

    async def empty() -> None:
        await shop.lab.ports("operator").cluster.wipe("production")

    shop.kernel.run(empty())
    assert export(tmp_path, "users", "people") == 1
    assert files(tmp_path) == {}
    told = capsys.readouterr().err
    assert 'staging: there is no Deployment "people"' in told
    assert 'production: there is no Deployment "users"' in told
    assert export(tmp_path) == 1
    assert "production: nothing runs there that is a Deployment" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("--environment", ""),
        ("--environment", "a=b=c"),
        ("--environment", "../x=y"),
        ("--environment", "a=x", "--environment", "a=y"),
    ],
    ids=" ".join,
)
def test_what_makes_no_sense_is_wrong_usage(arguments: tuple[str, ...], tmp_path: Path) -> None:
    """Before any cluster is asked."""
    with pytest.raises(SystemExit) as ended:
        main.main(["export", str(tmp_path), *arguments])
    assert ended.value.code == 2


def test_without_a_cluster_it_says_how_to_name_one(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The lab's own, or one whose context somebody names; never the current one by itself."""
    monkeypatch.setenv("CDLAB_CLUSTER_NAME", "nowhere")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert export(tmp_path) == 3
    told = capsys.readouterr().err
    assert "the lab is not running" in told
    assert "CDLAB_CONTEXT" in told
    config = tmp_path / "config"
    config.write_text("current-context: prod\ncontexts: [{name: prod}]\n")
    monkeypatch.setenv("CDLAB_KUBECONFIG", str(config))
    assert export(tmp_path) == 3
    assert '"prod"' in capsys.readouterr().err
