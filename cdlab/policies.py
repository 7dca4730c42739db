"""
What may be released where: the scroll in the article's last picture, as values.

A policy lives in annotations of the workload's manifest in the config repo, so that it is versioned
with what it governs. Reading is strict: an annotation that cannot be understood is refused with
file and line and never read as "match everything". Pure; called by `releases` and by V3.
"""

from __future__ import annotations

import fnmatch
import json
import re
from dataclasses import dataclass

from cdlab import manifests
from cdlab.errors import ManifestError

PREFIX = "cdlab.dev/"
AUTOMATED = PREFIX + "automated"
TAG = PREFIX + "tag"
LOCK = PREFIX + "lock"
HOLD = PREFIX + "hold"


@dataclass(frozen=True, slots=True)
class Stop:
    """A lock or a hold: who set it, why, and what lifts it. When it was set is in git's log."""

    user: str
    reason: str
    until: str = "resumed"

    def __str__(self) -> str:
        """The annotation's text: one line of JSON."""
        return json.dumps({"user": self.user, "reason": self.reason, "until": self.until})


@dataclass(frozen=True, slots=True)
class Policy:
    """How one workload may change in one environment."""

    is_automated: bool = False
    """Whether a new image is released with no further decision."""
    tag_pattern: str = "*"
    """Which tags count as new images: a glob."""
    lock: Stop | None = None
    """Refuses every release."""
    hold: Stop | None = None
    """Stops automated releases only. A rollback sets it."""

    def admits(self, tag: str) -> bool:
        """Whether automation may release an image of that tag."""
        return fnmatch.fnmatchcase(tag, self.tag_pattern)


def policy_of(manifest: str, workload: str, path: str = "manifest") -> Policy:
    """Read the policy from a manifest. Raises `ManifestError` for anything it does not know."""
    found = manifests.annotations(manifest, workload, path)
    unknown = [
        key for key in found if key.startswith(PREFIX) and key not in (AUTOMATED, TAG, LOCK, HOLD)
    ]
    if unknown:
        raise _refusal(manifest, path, unknown[0], "no policy has that name")
    automated = found.get(AUTOMATED, "false")
    if automated not in ("true", "false"):
        raise _refusal(manifest, path, AUTOMATED, f'"{automated}" is neither "true" nor "false"')
    kind, _, pattern = found.get(TAG, "newest").partition(":")
    if kind not in ("newest", "glob") or (kind == "glob") != bool(pattern):
        raise _refusal(manifest, path, TAG, f'"{found[TAG]}" is neither newest nor glob:PATTERN')
    return Policy(
        is_automated=automated == "true",
        tag_pattern=pattern or "*",
        lock=_stop(found, LOCK, manifest, path),
        hold=_stop(found, HOLD, manifest, path),
    )


def _stop(found: dict[str, str], key: str, manifest: str, path: str) -> Stop | None:
    if key not in found:
        return None
    try:
        value = json.loads(found[key])
        return Stop(str(value["user"]), str(value["reason"]), str(value.get("until", "resumed")))
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise _refusal(manifest, path, key, 'wants {"user": …, "reason": …}') from error


def _refusal(manifest: str, path: str, key: str, what: str) -> ManifestError:
    # As a key of its own; what a comment or a longer name mentions is another line.
    found = re.search(rf"""^[ \t"']*{re.escape(key)}["']?[ \t]*:""", manifest, re.MULTILINE)
    end = found.end() if found else max(manifest.find(key), 0)
    return ManifestError(
        path,
        manifest.count("\n", 0, end) + 1,
        f"annotation {key}: {what}",
        help="mend the annotation in the config repo; until then this workload is left alone",
    )
