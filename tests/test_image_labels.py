"""What CI writes into an image, and what is read of it: anybody may have written something else."""

from __future__ import annotations

import pytest

from cdlab.image_labels import BRANCH, COMMITS, CREATED, age_of, branch_of, labels_of
from cdlab.model import Commit, Revision

LOG = [Commit(Revision(str(n)), (), "Serve it", time_us=n * 1_000_000) for n in (9, 5)]


def test_an_image_says_when_and_where_its_commit_was_made() -> None:
    """And is read so again. Without a word about the branch it is main, the only one there is."""
    labels = labels_of(LOG, branch="release/2")
    assert age_of(labels) == (9_000_000, 2)
    assert branch_of(labels) == "release/2"
    assert branch_of(labels_of(LOG)) == "main"


@pytest.mark.parametrize("branch", [None, 5, [], {}])
def test_a_branch_that_cannot_be_read_counts_as_missing(branch: object) -> None:
    """An image without a branch is from none of those that a policy names."""
    assert branch_of({BRANCH: branch}) == ""  # type: ignore[dict-item]
    assert branch_of({}) == ""


@pytest.mark.parametrize("labels", [{}, {CREATED: "now"}, {CREATED: "1970-01-01", COMMITS: "1"}])
def test_an_age_that_cannot_be_read_counts_as_missing(labels: dict[str, str]) -> None:
    """Then the date of the build has to do."""
    assert age_of(labels) is None
