"""
Who may do what in the simulator.

In: the grants of an architecture, the same from which the real logins and RBAC are made. Out: yes,
no, or `Forbidden`. Asked by every adapter of this folder before it changes anything.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from cdlab.errors import Forbidden
from cdlab.model import Grant, Principal

Resource = Literal["code_repos", "config_repo", "registry", "environments"]
"""The boxes that a grant names, by the grant's fields."""

LEVELS: dict[str, int] = {
    "none": 0, "read": 1, "set-image": 2, "write": 3, "apply": 3, "prune": 4, "admin": 5
}  # fmt: skip
"""A right includes those below it. Environments have no `write`, the others nothing but that."""


class Rights:
    """What the grants allow. A principal without a grant may do nothing."""

    def __init__(self, grants: Iterable[Grant]) -> None:
        self._levels: dict[tuple[Principal, Resource], int] = {}
        self.change(grants)

    def change(self, grants: Iterable[Grant]) -> None:
        """Allow what these grants say and nothing else, also with credentials that were given."""
        self._levels.clear()
        for grant in grants:
            self._add(grant.principal, "code_repos", grant.code_repos)
            self._add(grant.principal, "config_repo", grant.config_repo)
            self._add(grant.principal, "registry", grant.registry)
            self._add(grant.principal, "environments", grant.environments)

    def _add(self, principal: Principal, resource: Resource, right: str) -> None:
        """Several grants of one principal add up."""
        held = self._levels.get((principal, resource), 0)
        self._levels[principal, resource] = max(held, LEVELS[right])

    def allows(self, principal: Principal, resource: Resource, verb: str) -> bool:
        """Whether the principal may do it to every resource of that kind."""
        return self._levels.get((principal, resource), 0) >= LEVELS[verb]

    def allows_in(self, principal: Principal, verb: str, environment: str) -> bool:
        """Whether the principal may do it in an environment. A grant covers all of them alike."""
        return self.allows(principal, "environments", verb)


@dataclass(frozen=True, slots=True)
class Credentials:
    """One principal and what it may do."""

    principal: Principal
    rights: Rights

    def require(self, verb: str, resource: Resource, name: str) -> None:
        """
        Go on, or raise `Forbidden`.

        *name* is how the sentence calls the resource: `code repo 'users'`.
        """
        if not self.rights.allows(self.principal, resource, verb):
            raise Forbidden(
                f"'{self.principal}' has no {verb} access to the {name}",
                help=f"its grant needs {resource}={verb!r}",
            )
