"""
Editing a policy changes that and nothing else, and a plan depends on nothing but its input.

Edits are of every kind, on manifests with a policy and without one.
"""

from __future__ import annotations

import copy
from dataclasses import replace
from functools import reduce
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from cdlab import parsed_files
from cdlab.config_layout import POLICY, config_path
from cdlab.errors import FileMissing
from cdlab.manifests import annotate, annotations, image_of, replace_image
from cdlab.model import Commit, Digest, ImageRef, Revision, Tag
from cdlab.policies import AUTOMATED, SKIP, Policy, _own_policy, policy_of
from cdlab.policy_edits import (
    PolicyEdit,
    automate,
    deautomate,
    hold,
    lock,
    resume,
    set_branch,
    set_tag,
    skip,
    unlock,
    unskip,
)
from cdlab.reasons import Reason
from cdlab.releases import Plan, ReleaseRequest, health_note, plan_release
from cdlab.stops import newer_than

REPOSITORY = "registry.test/users"
PATH = config_path("production", "users")
NOON = 1_767_268_800.0
MANIFEST = """\
# Who reads this? "cdlab.dev/hold" and others are below.
apiVersion: apps/v1
kind: Deployment
metadata:
  name: users   # the microservice
  annotations:
    example.com/team: 'payments'   # ours
    cdlab.dev/automated: "true"
    # what is next is the end
    example.com/zone: a
spec:
  replicas: 2
  template:
    spec:
      containers: [{name: users, image: "registry.test/users:a@sha256:%s"}]
""" % ("a" * 64)


def image(name: str) -> ImageRef:
    return ImageRef(REPOSITORY, name, Digest(f"sha256:{name * 64}"))


texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
users = texts.filter(str.strip)
times = st.floats(0, 4e9)
images = st.sampled_from("abcdef").map(image)
later = st.sampled_from(["2099-01-01T00:00:00Z", "2099-01-01T00:00:00.25+01:00"])
removals = [automate(), deautomate(), resume(), unlock(), set_tag(None), set_branch(None)]
edits = st.one_of(
    st.sampled_from(removals),
    st.builds(hold, users, texts, now=times, until=later | st.sampled_from(
        ["resumed", newer_than(Digest("sha256:" + "b" * 64))])),
    st.builds(lock, users, texts, now=times, until=later | st.just("unlocked")),
    st.builds(skip, images, users, texts, now=times),
    st.builds(unskip, images),
    st.sampled_from(["newest", "glob:[ab]*", "semver:^1 || 3.x", "regexp:.+"]).map(set_tag),
    st.sampled_from(["main", "release/*"]).map(set_branch),
)  # fmt: skip


def edited(manifest: str, edit: PolicyEdit) -> str:
    return annotate(manifest, "users", edit.on(annotations(manifest, "users")), PATH)


@given(st.lists(edits, max_size=4), edits)
def test_editing_a_policy_changes_no_byte_beside_the_annotation(
    before: list[PolicyEdit], edit: PolicyEdit
) -> None:
    """Every other line stays where it is, comments and quotes included, in whatever state."""
    manifest = reduce(edited, before, MANIFEST)
    changes = edit.on(annotations(manifest, "users"))
    lines, after = manifest.splitlines(), edited(manifest, edit).splitlines()
    for key in changes:
        lines = [line for line in lines if not line.strip().startswith(f"{key}:")]
        after = [line for line in after if not line.strip().startswith(f"{key}:")]
    assert after == lines


@given(st.lists(edits, max_size=4), edits)
def test_what_an_edit_wants_is_what_the_policy_says_afterwards(
    before: list[PolicyEdit], edit: PolicyEdit
) -> None:
    """And the rest of the policy stays; the same edit again has nothing to change."""
    manifest = reduce(edited, before, MANIFEST)
    after = edited(manifest, edit)
    parsed_files.forget()
    assert edit.on(annotations(after, "users")) == {}
    was, found = (annotations(each, "users") for each in (manifest, after))
    changed = {*edit.annotations, *([SKIP] if edit.skip or edit.unskip else [])}
    assert {k: v for k, v in found.items() if k not in changed} == {
        k: v for k, v in was.items() if k not in changed
    }
    policy = policy_of(after, "users", PATH)
    if edit.skip:
        assert undated(policy.skip_of(edit.skip.image)) == undated(edit.skip)
    if edit.unskip:
        assert policy.skip_of(edit.unskip) is None


def undated(stop: Any) -> Any:
    return stop and replace(stop, since="")


@given(edits)
def test_parsing_what_was_written_gives_what_was_meant(edit: PolicyEdit) -> None:
    """On a manifest without a policy: nothing but the edit is in it."""
    bare = annotate(MANIFEST, "users", {AUTOMATED: None})
    policy = policy_of(edited(bare, edit), "users", PATH)
    for stop in (policy.lock, policy.hold):
        assert stop is None or str(stop) in edit.annotations.values()
    if str(policy.tag) != "newest":
        assert str(policy.tag) in edit.annotations.values()
    assert policy.skips == ((edit.skip,) if edit.skip else ())
    assert policy.branch in ("", *edit.annotations.values())
    assert policy.is_automated is ("true" in edit.annotations.values())


class Texts:
    """A checkout of texts, each commit a version of the files; nothing can be written."""

    def __init__(self, versions: list[dict[str, str]], note: str, causes: list[str]) -> None:
        self.versions = versions
        self.head = Revision(f"{len(versions) - 1:040x}")
        self.commits = [
            Commit(
                Revision(f"{n:040x}"),
                (Revision(f"{n - 1:040x}"),) if n else (),
                f"Release\n\nCause: {causes[n]}\nEnvironment: production\nFrom: x:y\nTo: x:z\n",
                note=note if n % 2 else "",
            )
            for n in range(len(versions))
        ][::-1]

    def read(self, path: str, at: Revision | None = None) -> str:
        files = self.versions[int(at or self.head, 16)]
        if path not in files:
            raise FileMissing(f"no {path}")
        return files[path]

    def log(self, path: str | None = None) -> list[Commit]:
        return self.commits


@st.composite
def checkouts(draw: st.DrawFn) -> Texts:
    manifest, versions = MANIFEST, []
    for _ in range(draw(st.integers(1, 4))):
        manifest = reduce(edited, draw(st.lists(edits, max_size=2)), manifest)
        manifest = replace_image(manifest, "users", str(draw(st.sampled_from("abc").map(image))))
        versions.append({PATH: manifest})
    if draw(st.booleans()):
        versions[-1][config_path("production", POLICY)] = "lock: {user: eve, reason: freeze}\n"
    causes = draw(st.lists(st.sampled_from(["rollback", "release"]), min_size=4, max_size=4))
    return Texts(versions, health_note("production", "users"), causes)


listed = st.lists(st.sampled_from("abcdef"), unique=True, max_size=6).map(
    lambda names: tuple(Tag(n, image(n).digest or Digest(""), ord(n), branch="main") for n in names)
)
requests = st.builds(
    ReleaseRequest,
    cause=st.sampled_from(["automation", "release", "promotion", "rollback"]),
    workload=st.just("users"),
    environment=st.just("production"),
    user=users,
    message=texts,
    now=times,
    tags=listed,
    repository=st.just(REPOSITORY),
    image=st.none() | images,
    to=st.none() | st.sampled_from(["a", "b", "0" * 40]),
    until=st.sampled_from(["resumed", "newer", "2099-01-01T00:00:00Z", "junk"]),
    image_only=st.booleans(),
    is_bad=st.booleans(),
    is_forced=st.booleans(),
    most_new_tags=st.sampled_from([1, 100]),
)
changes = st.builds(lambda asked, edit: replace(asked, cause="policy", edit=edit), requests, edits)


@given(requests | changes, checkouts())
def test_planning_depends_on_nothing_but_its_input(request: ReleaseRequest, repo: Texts) -> None:
    """The same again, with nothing remembered in between, and the input stays as it was."""
    asked, versions = copy.deepcopy(request), copy.deepcopy(repo.versions)
    first = plan_release(request, repo)  # type: ignore[arg-type]
    _own_policy.cache_clear()
    parsed_files.forget()
    assert plan_release(request, repo) == first  # type: ignore[arg-type]
    assert (request, repo.versions) == (asked, versions)
    check(first, request, repo)


def check(plan: Plan, request: ReleaseRequest, repo: Texts) -> None:
    """What is true of every plan."""
    if not plan.outcome.is_released:
        assert Reason.of(plan.outcome.reason)
        assert (plan.manifest, plan.commit_message) == ("", "")
        return
    policy = policy_of(plan.manifest, "users", PATH)
    before = policy_of(repo.read(PATH), "users", PATH)
    assert plan.manifest != repo.read(PATH)
    if request.cause == "rollback":
        assert policy.hold
        assert kept(policy) == kept(before)
    if request.cause == "automation":
        assert before.is_automated
        assert policy.hold is None
        assert plan.outcome.image
        assert str(plan.outcome.image) > image_of(repo.read(PATH), "users"), "a is older than b"


def kept(policy: Policy) -> tuple[object, ...]:
    return policy.is_automated, policy.tag, policy.branch, policy.lock
