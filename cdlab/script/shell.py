"""
Text for bash: quoting, heredocs, and shell variables in the place of ids that a replay changes.

In: texts of a history. Out: words and heredocs that bash reads back as the same text, except that
revisions, digests and the registry are variables. Called by `commands`.
"""

from __future__ import annotations

import re
import shlex

_HEX = r"sha256:[0-9a-f]{64}|(?<![0-9a-f])(?:[0-9a-f]{40}|[0-9a-f]{12})(?![0-9a-f])"


class Names:
    """The variables of a script, by what they stand for. A name is given at first appearance."""

    def __init__(self, image_prefix: str) -> None:
        self._known: dict[str, str] = {}
        prefix = re.escape(image_prefix)
        self._pattern = re.compile(rf"(?P<prefix>{prefix}(?=/))|{_HEX}" if image_prefix else _HEX)

    def name(self, kind: str, value: str) -> str | None:
        """A new variable, `REVISION_1` or `DIGEST_1`; None when there is one for it already."""
        if value in self._known:
            return None
        number = 1 + sum(each.startswith(kind) for each in self._known.values())
        self._known[value] = f"{kind}_{number}"
        return self._known[value]

    def variable(self, value: str) -> str:
        """How to write a revision or digest: its variable, or itself when it has none."""
        return f'"${self._known[value]}"' if value in self._known else shlex.quote(value)

    def word(self, text: str) -> str:
        """One word of a command line."""
        expanded = self._expanded(text, r'[\\$`"]')
        return shlex.quote(text) if expanded is None else f'"{expanded}"'

    def heredoc(self, text: str) -> str:
        """A redirection that feeds *text*, which ends in a newline, to a command's input."""
        assert text.endswith("\n"), "a heredoc ends in a newline"
        expanded = self._expanded(text, r"[\\$`]")
        body = text if expanded is None else expanded
        end = "EOF"
        while end in body.split("\n"):
            end += "_"
        mark = end if expanded is not None else f"'{end}'"
        return f"<<{mark}\n{body}{end}"

    def _expanded(self, text: str, special: str) -> str | None:
        """*text* with variables, the rest escaped; None when there is no variable in it."""
        parts, at, found = [], 0, False
        for match in self._pattern.finditer(text):
            variable = self._variable_of(match)
            if variable is None:
                continue
            parts += [re.sub(special, r"\\\g<0>", text[at : match.start()]), variable]
            at, found = match.end(), True
        rest = re.sub(special, r"\\\g<0>", text[at:])
        return "".join([*parts, rest]) if found else None

    def _variable_of(self, match: re.Match[str]) -> str | None:
        value = match[0]
        if match.groupdict().get("prefix"):
            return "$REGISTRY/$RUN"
        if value in self._known:
            return f"${{{self._known[value]}}}"
        if len(value) == 12:
            for known, name in self._known.items():
                if known.startswith(value):
                    return f"${{{name}:0:12}}"
        return None


def comment(text: str) -> str:
    """One comment line, whatever the text holds."""
    return f"# {' '.join(text.split())}"
