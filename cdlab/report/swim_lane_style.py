"""
How swim lanes look: the size of the picture, and its colours by day and by night.

Okabe and Ito's colours, which can be told apart without red and green; who acts is told by colour,
what is bad has a border too.
"""

from __future__ import annotations

from html import escape

WIDTH, LEFT, RIGHT = 1360, 180, 1290
"""The picture, and where its time axis begins and ends. Pixels."""
LETTER = 6.3
"""The width of a letter, about. Pixels."""

STYLE = """<style>
.cdlab-lanes { --paper: #ffffff; --ink: #1c1f23; --quiet: #5c6570; --lane: #f3f5f7; --odd: #e9edf1;
  --grid: #c9d0d8; --arrow: #55606c; --good: #bfe3d2; --bad: #f6c4a6; --mixed: #f4e6a4;
  --on-strip: #1c1f23; font: 12px system-ui, sans-serif; }
@media (prefers-color-scheme: dark) {
  .cdlab-lanes { --paper: #16191d; --ink: #e8ebee; --quiet: #9aa5b1; --lane: #1e2329;
    --odd: #262c34; --grid: #3b444f; --arrow: #a9b4c0; --good: #1d5a45; --bad: #8a4220;
    --mixed: #6b5c14; --on-strip: #f2f4f6; }
}
.cdlab-lanes text { fill: var(--ink); }
.cdlab-lanes .title, .cdlab-lanes .heading { font-weight: 600; }
.cdlab-lanes .title { font-size: 15px; }
.cdlab-lanes .quiet { fill: var(--quiet); }
.cdlab-lanes .small { font-size: 11px; }
.cdlab-lanes .name { font-weight: 600; }
.cdlab-lanes .on-bar { fill: #ffffff; pointer-events: none; }
.cdlab-lanes .on-strip { fill: var(--on-strip); pointer-events: none; }
.cdlab-lanes .paper { fill: var(--paper); }
.cdlab-lanes .lane { fill: var(--lane); }
.cdlab-lanes .odd { fill: var(--odd); }
.cdlab-lanes .grid { stroke: var(--grid); stroke-width: 0.6; }
.cdlab-lanes .cause { fill: none; stroke: var(--arrow); stroke-width: 1; }
.cdlab-lanes .head { fill: var(--arrow); }
.cdlab-lanes .bar { fill: #6b7683; }
.cdlab-lanes .developer, .cdlab-lanes .operator, .cdlab-lanes .user { fill: #0072b2; }
.cdlab-lanes .ci { fill: #b85000; }
.cdlab-lanes .manager { fill: #00785a; }
.cdlab-lanes .failed { stroke: #c0143c; stroke-width: 2; stroke-dasharray: 3 2; }
.cdlab-lanes .good { fill: var(--good); }
.cdlab-lanes .bad { fill: var(--bad); stroke: #d55e00; stroke-width: 1; }
.cdlab-lanes .mixed { fill: var(--mixed); }
.cdlab-lanes .pod { fill: #8a6bb8; }
.cdlab-lanes .rollback { fill: #d55e00; fill-opacity: 0.12; }
</style>"""


def text_at(x: float, y: float, text: str, kind: str, anchor: str = "start") -> str:
    """A text that stays text, whatever is in it."""
    where = f'x="{x:.1f}" y="{y:.1f}" class="{kind}"'
    side = "" if anchor == "start" else f' text-anchor="{anchor}"'
    return f"<text {where}{side}>{escape(text)}</text>"


LEGEND = (
    ("developer", "people"),
    ("ci", "CI"),
    ("manager", "release manager"),
    ("pod", "a pod, until it is Ready"),
    ("good", "good serves"),
    ("bad", "bad serves"),
    ("mixed", "two versions serve"),
)


def legend(y: float) -> str:
    """What the colours mean, in one line."""
    parts, x = [], 16.0
    for kind, meaning in LEGEND:
        shape = "serves" if kind in ("good", "bad", "mixed") else "bar" if kind != "pod" else ""
        parts.append(
            f'<rect class="{f"{shape} {kind}".strip()}" x="{x:.1f}" y="{y - 9:.1f}" width="10" '
            'height="10"/>' + text_at(x + 15, y, meaning, "quiet small")
        )
        x += 30 + LETTER * len(meaning)
    return "".join(parts)
