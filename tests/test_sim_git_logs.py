"""Logs of a path that go on from an earlier one: the simulated git asks for the same path often."""

from __future__ import annotations

from itertools import product
from random import Random

import pytest

from cdlab.substrates.sim.git_objects import StoredCommit, log_of, make_commit

PATHS = ("a", "folder/b", "folder/c")


def commits(seed: int) -> list[StoredCommit]:
    """Commits with one, two or no parents, each of which changes some files and deletes others."""
    random, made = Random(seed), list[StoredCommit]()
    for number in range(12):
        parents = tuple(random.sample(made, min(len(made), random.choice((1, 1, 1, 2)))))
        tree = dict(parents[0].tree) if parents and random.random() < 0.9 else {}
        for path in random.sample(PATHS, random.choice((0, 1, 1, 2))):
            tree[path] = str(random.randrange(3))
        if random.random() < 0.2:
            tree.pop(random.choice(PATHS), None)
        made.append(make_commit(tree, parents, f"number {number}", ("ci", number)))
    return made


@pytest.mark.parametrize("seed", range(20))
def test_a_log_that_goes_on_from_an_earlier_one_is_the_whole_log(seed: int) -> None:
    """Whatever commit the earlier log is of: an ancestor, a side branch, or a newer one."""
    made = commits(seed)
    for earlier, head, path in product(made, made, (*PATHS, "folder", "nothing")):
        known = earlier, log_of(earlier, path)
        assert log_of(head, path, known) == log_of(head, path)
