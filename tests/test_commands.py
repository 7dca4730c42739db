"""A history as commands: bash accepts it, ids are variables, texts survive the quoting."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import cdlab
from cdlab import scenario
from cdlab.script.commands import COMMANDS, script
from cdlab.script.shell import Names, comment

SCENARIOS = {
    "v1": "architecture: v1",
    "v1-merge": "architecture: v1\nmerge: true",
    "v1-force-push": "architecture: v1\nrollback: force-push\nbuild_cache: false\nmerge: true",
    "v1-undo": "architecture: v1\nrollback: rollout-undo\nnext_push: true",
    "v2": "architecture: v2",
    "v2-undo": "architecture: v2\nrollback: rollout-undo",
    "v3": "architecture: v3",
    "v3-poll": "architecture: v3\npoll_interval_seconds: 60",
}
IDS = re.compile(r"(?<![0-9a-f])[0-9a-f]{40}(?![0-9a-f])|sha256:[0-9a-f]{64}")


def scripted(name: str) -> str:
    return script(cdlab.run(scenario.parse(SCENARIOS[name])).history)


def lines(text: str) -> list[str]:
    """The commands, without comments and without what stands in heredocs."""
    kept, end = [], ""
    for line in text.splitlines():
        if end:
            end = "" if line == end else end
            continue
        opened = re.search(r"<<'?(EOF_*)'?$", line)
        end = opened[1] if opened else ""
        if not line.startswith("#"):
            kept.append(line)
    return kept


def bash(text: str, folder: Path, *options: str) -> str:
    done = subprocess.run(
        ["bash", *options], input=text, capture_output=True, text=True, check=True, cwd=folder
    )
    return done.stdout


@pytest.mark.parametrize("name", SCENARIOS)
def test_bash_accepts_the_script(name: str, tmp_path: Path) -> None:
    """Every architecture and every way to roll back."""
    bash(scripted(name), tmp_path, "-n")


@pytest.mark.parametrize("name", SCENARIOS)
def test_no_revision_and_no_digest_of_the_history_is_left(name: str) -> None:
    """They come out different in every replay, so that each is a variable."""
    code = [line for line in scripted(name).splitlines() if not line.startswith("#")]
    assert not IDS.findall("\n".join(code))


@pytest.mark.parametrize("name", SCENARIOS)
def test_a_variable_is_set_before_it_is_used(name: str) -> None:
    """By first appearance, in the order of the script."""
    known: set[str] = set()
    for line in scripted(name).splitlines():
        used = set(re.findall(r"\$\{?((?:REVISION|DIGEST)_\d+)", line))
        assert used <= known, line
        known |= set(re.findall(r"^((?:REVISION|DIGEST)_\d+)=", line))


def test_the_simulated_registry_is_replaced() -> None:
    """Nobody can push to registry.test."""
    assert "registry.test" not in scripted("v2")


def test_v1_rolls_back_by_revert_build_push_and_set_image() -> None:
    """The commands of the article, in its order."""
    wanted = ["git revert", "git push", "docker build", "docker push", "set image", "set image"]
    text = lines(scripted("v1"))
    start = next(n for n, line in enumerate(text) if line.startswith("git revert"))
    places = []
    at = start
    for each in wanted:
        at = next(n for n in range(at, len(text)) if each in text[n] and n not in places)
        places.append(at)
    assert places == sorted(places)


def test_v3_rolls_back_with_no_build_and_no_code() -> None:
    """After the request: the config repo and kubectl, nothing else."""
    text = scripted("v3")
    after = text[text.index("# People ask for a rollback") :]
    assert "docker" not in after.partition("# What runs now.")[0]
    assert '"$GIT/config.git"' in after
    assert "apply -f environments/production/front-end.yaml" in after
    assert ".git" not in "".join(re.findall(r'"\$GIT/(?!config)\S+', after))


def test_a_force_push_and_a_merge_are_typed_as_such() -> None:
    """`git reset --hard` and `--force`, `git merge --no-ff`, and no cache in the builds."""
    text = scripted("v1-force-push")
    assert "git push --quiet --force origin HEAD:main" in text
    assert text.index("git merge --quiet --no-ff") < text.index("git reset --quiet --hard")
    assert all("--no-cache" in line for line in lines(text) if line.startswith("docker build"))


def test_a_revert_of_a_merge_names_the_parent() -> None:
    """Git refuses it otherwise."""
    assert re.search(r'git revert --no-edit -m 1 "\$REVISION_\d+"', scripted("v1-merge"))


def test_a_failure_is_a_comment_with_its_error() -> None:
    """The first pipeline runs of V1 find no workload."""
    assert '# fails: WorkloadNotFound: deployments.apps "front-end"' in scripted("v1")


def test_the_script_waits_before_people_act_on_what_they_saw() -> None:
    """`rollout undo` goes back to what the rollout before it left, so that one has to be over."""
    text = scripted("v1-undo")
    undo = text.index("rollout undo")
    assert "rollout status deployment/front-end" in text[text.index("Serve bad") : undo]


def test_it_creates_and_removes_what_the_substrate_does() -> None:
    """Namespaces, a repository for each microservice and the config repo; no password inside."""
    text = scripted("v3")
    assert 'for namespace in "$NAMESPACE-staging" "$NAMESPACE-production"; do' in text
    assert "for repository in front-end users orders config; do" in text
    assert "kubectl delete namespace" in text


def test_every_event_with_a_command_is_one_that_the_recorder_writes() -> None:
    """A renamed event would silently vanish from the scripts."""
    package = Path(cdlab.__file__).parent
    source = "".join(
        path.read_text() for path in (*package.glob("record*.py"), *package.glob("stories/*.py"))
    )
    for kind in COMMANDS:
        assert f'"{kind}"' in source, kind


TEXTS = st.text(st.characters(exclude_characters="\0\r", exclude_categories=["Cs"]), max_size=60)


@given(before=TEXTS, after=TEXTS)
def test_any_text_survives_a_heredoc_with_and_without_variables(before: str, after: str) -> None:
    """What bash reads is what stood in the history, the variable replaced."""
    names = Names("registry.test")
    names.name("REVISION", "a" * 40)
    for middle, wanted in (("", ""), (" " + "a" * 40 + " ", " new ")):
        text = f"{before}{middle}{after}\n"
        if middle and "registry.test/" in text:
            continue
        done = subprocess.run(
            ["bash", "-c", f"REVISION_1=new\ncat {names.heredoc(text)}\n"],
            capture_output=True,
            check=True,
        )
        assert done.stdout.decode() == f"{before}{wanted}{after}\n"


@given(before=TEXTS, after=TEXTS)
def test_any_text_survives_as_a_word(before: str, after: str) -> None:
    """A commit message may hold quotes, dollars and lines."""
    names = Names("registry.test")
    names.name("REVISION", "a" * 40)
    for middle, wanted in (("", ""), (" " + "a" * 40 + " ", " new ")):
        word = names.word(f"{before}{middle}{after}")
        done = subprocess.run(
            ["bash", "-c", f"REVISION_1=new\nprintf %s {word}\n"], capture_output=True, check=True
        )
        assert done.stdout.decode() == f"{before}{wanted}{after}"


def test_a_shortened_revision_is_shortened_in_the_replay_too() -> None:
    """`Release users 0123456789ab` names the commit that the replay made."""
    names = Names("registry.test")
    names.name("REVISION", "0123456789ab" + "0" * 28)
    assert names.word("Release users 0123456789ab") == '"Release users ${REVISION_1:0:12}"'


def test_a_heredoc_ends_only_where_it_should() -> None:
    """A file that contains the mark gets another mark."""
    assert Names("").heredoc("EOF\n").startswith("<<'EOF_'\n")


def test_a_comment_stays_on_its_line() -> None:
    """An error message with a newline must not become a command."""
    assert comment("no\nrm -rf x") == "# no rm -rf x"
