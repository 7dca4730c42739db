"""A cluster that is not ours is touched only when somebody names it."""

from __future__ import annotations

from pathlib import Path

import pytest

from cdlab.errors import SubstrateUnavailable
from cdlab.substrates.kind import contexts
from cdlab.substrates.kind.settings import KindSettings

TWO = "current-context: prod\ncontexts:\n- {name: prod, context: {}}\n- {name: dev, context: {}}\n"


@pytest.fixture
def theirs(tmp_path: Path) -> Path:
    path = tmp_path / "config"
    path.write_text(TWO, encoding="utf-8")
    return path


def settings(**given: str) -> KindSettings:
    return KindSettings.from_environment({"HOME": "/home/nobody", **given})


def test_the_ambient_kubeconfig_is_not_looked_at(theirs: Path) -> None:
    """Whoever works on a production cluster all day must not meet it here."""
    found = settings(KUBECONFIG=str(theirs))
    assert not found.is_elsewhere
    assert found.kubeconfig == Path("/home/nobody/.cache/cdlab/cdlab/kubeconfig")


def test_a_context_that_was_not_named_is_refused(theirs: Path) -> None:
    """Not even the current one is taken by itself."""
    found = settings(CDLAB_KUBECONFIG=str(theirs))
    assert '"prod"' in contexts.trouble(found)
    assert "not named" in contexts.trouble(found)


def test_a_context_that_was_named_is_used(theirs: Path) -> None:
    """By its name, whichever is current."""
    found = settings(CDLAB_KUBECONFIG=str(theirs), CDLAB_CONTEXT="dev")
    assert contexts.trouble(found) == ""
    assert (found.context, found.kubeconfig) == ("dev", theirs)


def test_a_name_that_is_not_there_is_told_with_those_that_are(theirs: Path) -> None:
    """A typing error must not end at another cluster."""
    found = settings(CDLAB_KUBECONFIG=str(theirs), CDLAB_CONTEXT="staging")
    assert "prod, dev" in contexts.trouble(found)


def test_a_name_alone_means_the_users_own_file() -> None:
    """As kubectl does, but only then."""
    assert settings(CDLAB_CONTEXT="dev").kubeconfig == Path("/home/nobody/.kube/config")


@pytest.mark.parametrize("text", ["", "[]", "a: b", "contexts: 3", "\x00", "{"])
def test_a_file_that_is_no_kubeconfig_is_refused(theirs: Path, text: str) -> None:
    """With its path, and without a traceback."""
    theirs.write_text(text, encoding="utf-8")
    found = settings(CDLAB_KUBECONFIG=str(theirs), CDLAB_CONTEXT="dev")
    assert str(theirs) in contexts.trouble(found)


def test_up_and_down_refuse_a_cluster_of_somebody_else(theirs: Path) -> None:
    """They make and remove clusters; a named one is only used."""
    found = settings(CDLAB_KUBECONFIG=str(theirs), CDLAB_CONTEXT="dev")
    for verb in ("up", "down"):
        with pytest.raises(SubstrateUnavailable, match="is another") as refused:
            contexts.require_own_cluster(found, verb)
        assert "unset CDLAB_KUBECONFIG" in refused.value.help
