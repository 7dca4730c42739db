"""
What only the runner may ask of the git server: to make, to show and to remove repositories.

In: a lab, a path below its administration. Out: the answer's JSON, or `RepositoryUnavailable`. Who
calls it: `substrate.py`.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from cdlab.errors import RepositoryUnavailable
from cdlab.substrates.kind.credentials import basic

if TYPE_CHECKING:
    from cdlab.substrates.kind.lab import Lab


def administer(lab: Lab, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
    """Ask with the login of `runner`. An answer that was lost may have happened all the same."""
    import urllib3

    headers = {"Authorization": basic(*lab.login("runner"))}
    url = f"{lab.admin_url}/{path}"
    text = None if body is None else json.dumps(body)
    try:
        with urllib3.PoolManager(retries=False, timeout=10.0) as pool:
            answer = pool.request(method, url, headers=headers, body=text)
    except urllib3.exceptions.HTTPError as error:
        raise RepositoryUnavailable(
            f"{method} {url}: the git server did not answer: {error}", definite=False
        ) from error
    if answer.status >= 400:
        raise RepositoryUnavailable(f"{method} {url}: {answer.status}: {answer.data.decode()}")
    return json.loads(answer.data)
