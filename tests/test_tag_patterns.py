"""Which tags a policy means, and how versions are ordered."""

from __future__ import annotations

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdlab.tag_patterns import LIMIT, NEWEST, glob, tag_pattern, version_of

tags = st.text(string.ascii_letters + string.digits + "._-", min_size=1, max_size=20)
kinds = st.sampled_from(["newest", "glob", "semver", "regexp", "globb", ""])
texts = st.text(st.sampled_from("0123456789.vxX*^~<>=|[]()?!- ab\\{},+\n\u0661é"), max_size=20)


@pytest.mark.parametrize(
    ("pattern", "admitted", "others"),
    [
        ("newest", ["anything", "1"], []),
        ("glob:v1.*", ["v1.2", "v1."], ["v2.0", "V1.2", "av1.2", "v1"]),
        ("glob:*-rc[0-9]", ["a-rc1"], ["a-rc", "a-rcx", "a-rc10"]),
        ("glob:main-[!x]?", ["main-ab"], ["main-xb", "main-a"]),
        ("regexp:v[0-9]+", ["v1", "v10"], ["v", "v1.0", "xv1", "V1"]),
        ("regexp:a|ab", ["a", "ab"], ["abc", "b"]),
        ("semver:*", ["1.2.3", "v0.0.1"], ["latest", "1.2", "1.2.3-rc.1", "1.2.3.4", "v1"]),
        ("semver:1.2.x", ["1.2.0", "v1.2.9"], ["1.3.0", "2.2.0"]),
        ("semver:~1.2", ["1.2.9"], ["1.3.0", "1.1.9"]),
        ("semver:^1.2.3", ["1.2.3", "1.9.0"], ["1.2.2", "2.0.0", "1.9.0-rc.1"]),
        ("semver:^0.2.3", ["0.2.4"], ["0.3.0"]),
        ("semver:>=1.2 <1.4", ["1.2.0", "1.3.9"], ["1.1.9", "1.4.0"]),
        ("semver:>=v1.2", ["1.2.0"], ["1.1.0"]),
        ("semver:1.0.0 - 1.2.0", ["1.0.0", "1.2.0"], ["1.2.1", "0.9.9"]),
        ("semver:<1.1 || >=2", ["1.0.9", "2.0.0"], ["1.1.0", "1.9.0"]),
    ],
)
def test_a_pattern_admits_whole_tags(pattern: str, admitted: list[str], others: list[str]) -> None:
    """Nothing before or after; case counts on every machine. Ranges mean what npm's mean."""
    found = tag_pattern(pattern)
    assert [tag for tag in [*admitted, *others] if found.admits(tag)] == admitted


@pytest.mark.parametrize(
    ("pattern", "admitted", "others"),
    [
        (">=1.2.0-rc.2", ["1.2.0-rc.2", "1.2.0-rc.10", "1.2.0", "2.0.0"], ["1.2.0-rc.1"]),
        (">=1.2.0-rc.2", ["1.2.0-rc.3"], ["1.3.0-rc.3"]),
        ("^1.2.0-beta", ["1.2.0-beta.4", "1.9.0"], ["1.2.0-alpha", "1.2.1-beta", "2.0.0"]),
        ("~1.2.0-beta", ["1.2.0-rc.1", "1.2.9"], ["1.3.0"]),
        (">=1.0.0-rc.1 <1.0.0", [], ["1.0.0", "1.0.1", "0.9.0"]),
        (">=1.0.0-rc.1 >=2.0.0", ["2.0.0"], ["1.0.0-rc.2", "1.0.0"]),
        (">=1.0.0-rc.1 <2.0.0", ["1.0.0-rc.2", "1.5.0"], ["2.0.0", "1.5.0-rc.2"]),
        (">=1.0.0-rc.1 || 3.x", ["1.0.0-rc.2", "3.1.0"], ["3.1.0-rc.1"]),
    ],
)
def test_pre_releases_match_only_if_the_range_names_one(
    pattern: str, admitted: list[str], others: list[str]
) -> None:
    """Of that very version, and only within all else that the range asks for."""
    found = tag_pattern(f"semver:{pattern}")
    assert [tag for tag in [*admitted, *others] if found.admits(tag)] == admitted


@pytest.mark.parametrize(
    "text",
    [
        "", "newest:", "newest:v*", "Newest", "latest", "glob", "glob:", "glob: ", "globb:v*",
        "glob:v[1", "glob:v1]", "glob:a b", "glob:[]", "glob:[!]", "glob:a\nb",
        "semver:", "semver: ", "semver:latest", "semver:1 ||", "semver:|| 1", "semver:||",
        "semver:>=1 <", "semver:=>1", "semver:1.2.3.4", "semver:x.2", "semver:*.1.0", "semver:x-r",
        "semver:1-alpha", "semver:1.2.3-rc.1", "semver:<=1.2.3-rc.1", "semver:>1.2.3-rc.1",
        "semver:>*", "semver:^*", "semver:01.2.3", "semver:1 - 2 - 3", "semver:1,2",
        "semver:١.0.0", "semver:1.2.3+build",
        "regexp:", "regexp:(", "regexp:a{1000}{1000}", "regexp:[z-a]", "regexp:(a)\\1",
        "regexp:\ud800", "regexp:" + "a" * (LIMIT + 1), "glob:" + "a" * (LIMIT + 1),
    ],
)  # fmt: skip
def test_what_is_not_understood_is_refused(text: str) -> None:
    """Also what a library would read as "match everything", such as an empty alternative."""
    with pytest.raises(ValueError, match=r".{10}"):
        tag_pattern(text)


@given(kinds, st.sampled_from(["", ":"]), texts, tags)
def test_any_text_is_a_pattern_or_a_value_error(kind: str, colon: str, text: str, tag: str) -> None:
    """What is a pattern can be asked about every tag, and reads the same again."""
    try:
        pattern = tag_pattern(f"{kind}{colon}{text}")
    except ValueError:
        return
    assert isinstance(pattern.admits(tag), bool)
    assert str(pattern) == f"{kind}{colon}{text}"
    assert tag_pattern(str(pattern)) == pattern


@given(st.text(max_size=40))
def test_what_no_registry_takes_as_a_tag_never_matches(text: str) -> None:
    """It could not be written into a manifest, and may be an attempt at something else."""
    is_tag = 0 < len(text) <= 128 and text.isascii() and text[0] not in ".-"
    is_tag = is_tag and all(each.isalnum() or each in "._-" for each in text)
    assert NEWEST.admits(text) is is_tag


@pytest.mark.parametrize(
    "text", ["1.2.3\n", "١.٢.٣", "1.2", "01.2.3", "1.2.3-", "1.2.3-01", "vv1.2.3"]
)
def test_only_a_complete_version_has_a_place(text: str) -> None:
    """Anything else is no version, whatever it looks like."""
    assert version_of(text) is None


def test_versions_are_ordered_by_precedence() -> None:
    """The example of the specification, point 11; numbers are no text, and v means nothing."""
    names = [
        "1.0.0-alpha", "1.0.0-alpha.1", "1.0.0-alpha.beta", "1.0.0-beta", "1.0.0-beta.2",
        "1.0.0-beta.11", "1.0.0-rc.1", "1.0.0", "v1.0.1", "v1.2.0", "1.10.0", "v2.0.0",
    ]  # fmt: skip
    shuffled = names[::-1]
    assert sorted(shuffled, key=version_of) == names
    assert version_of("v1.0.0") == version_of("1.0.0")


def test_an_expression_of_a_stranger_takes_linear_time() -> None:
    """What takes a backtracking engine ages is answered at once, or the test run hangs."""
    assert not tag_pattern("regexp:(a+)+b").admits("a" * 127 + "c")
    assert not tag_pattern("glob:" + "*a" * 90 + "b").admits("a" * 128)


def test_a_glob_of_branches_may_have_slashes() -> None:
    """Branches are called what they like, but for spaces."""
    assert glob("release/*") == "release/*"
    with pytest.raises(ValueError, match="is not a glob"):
        glob("release /*")
