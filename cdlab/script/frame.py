"""
What stands before and after the commands of a replay: variables, and what a run needs to exist.

In: a history's settings and the addresses of a lab. Out: two pieces of bash. The first makes what
the kind substrate makes for a run: namespaces, empty repositories, logins; `bash SCRIPT remove`
takes it away again. Called by `commands`.
"""

from __future__ import annotations

from dataclasses import dataclass
from string import Template

from cdlab.history import History


@dataclass(frozen=True, kw_only=True, slots=True)
class Addresses:
    """Where a lab is; the defaults are those of `cdlab up` without settings."""

    state_folder: str = "$HOME/.cache/cdlab/cdlab"
    """Holds the kubeconfig and the logins. Read by the script, so that it contains no password."""
    registry: str = "localhost:5001"
    git: str = "http://127.0.0.1:8418"
    lab: str = "cdlab"
    """The name of the lab, which is the value of its label."""


class _Bash(Template):
    delimiter = "@"


_HEADER = _Bash(
    """\
#!/usr/bin/env bash
# The story @story in @architecture (@variant), @substrate, seed @seed, cdlab @version,
# as the commands that a person would type. On a lab that `cdlab up` has started it replays the
# run by hand, with one login where the run had one for each principal.
#
#   bash SCRIPT           replay it; another RUN keeps it apart: RUN=mine bash SCRIPT
#   bash SCRIPT remove    remove what it made
set -euo pipefail

RUN="${RUN:-by-hand}"
STATE="@state_folder"
REGISTRY="@registry"
GIT="@git/git/$RUN"
ADMIN="@git/repositories"
NAMESPACE="cdlab-$RUN"
WORK="${TMPDIR:-/tmp}/cdlab-$RUN"
LABELS="--label cdlab.dev/lab=@lab --label cdlab.dev/run=$RUN"
export KUBECONFIG="$STATE/kubeconfig"
export DOCKER_CONFIG="$WORK/.docker"
export no_proxy="127.0.0.1,localhost" NO_PROXY="127.0.0.1,localhost"

password() { sed -n "s/^ *\\"$1\\": \\"\\(.*\\)\\".*/\\1/p" "$STATE/logins.json"; }
admin() {
  curl --silent --show-error --fail --output /dev/null --user "runner:$(password runner)" "$@@"
}
digest_of() {
  docker image inspect --format '{{range .RepoDigests}}{{println .}}{{end}}' "$1" |
    sed -n "s|^${1%:*}@@||p" | head -n 1
}
remove() {
  kubectl delete namespace --ignore-not-found @namespaces
  admin --request DELETE "$ADMIN/$RUN"
  docker image ls --quiet --filter "label=cdlab.dev/run=$RUN" | sort -u |
    xargs -r docker image rm --force
  rm -rf "$WORK"
}
if [ "${1:-}" = remove ]; then remove; exit; fi

# What a run needs to exist: a folder, logins, namespaces, empty repositories.
mkdir "$WORK"
export LOGIN=operator
PASSWORD="$(password "$LOGIN")"
export PASSWORD
docker login --username "$LOGIN" --password-stdin "$REGISTRY" <<<"$PASSWORD" >/dev/null
export GIT_AUTHOR_NAME="$LOGIN" GIT_AUTHOR_EMAIL="$LOGIN@@cdlab.test"
export GIT_COMMITTER_NAME="$LOGIN" GIT_COMMITTER_EMAIL="$LOGIN@@cdlab.test"
export GIT_CONFIG_COUNT=3
export GIT_CONFIG_KEY_0=credential.helper GIT_CONFIG_VALUE_0=''
export GIT_CONFIG_KEY_1=credential.helper
export GIT_CONFIG_VALUE_1='!f() { echo "username=$LOGIN"; echo "password=$PASSWORD"; }; f'
export GIT_CONFIG_KEY_2=init.defaultBranch GIT_CONFIG_VALUE_2=main
for namespace in @namespaces; do
  kubectl create namespace "$namespace"
  kubectl label namespace "$namespace" cdlab.dev/lab=@lab "cdlab.dev/run=$RUN"
done
for repository in @repositories; do
  admin --request PUT --data '{"writers": ["operator"]}' "$ADMIN/$RUN/$repository"
done"""
)


def header(history: History, addresses: Addresses) -> str:
    """Everything before the first command of the run."""
    settings = history.settings
    variant = settings["variant"]
    cache = "" if variant["has_build_cache"] else ", no build cache"
    return _HEADER.substitute(
        story=settings["story"],
        architecture=str(settings["architecture"]).upper(),
        variant=f"{variant['rollback']}{cache}",
        substrate=f"on {settings['substrate']}",
        seed=settings["seed"],
        version=settings["version"],
        state_folder=addresses.state_folder,
        registry=addresses.registry,
        git=addresses.git,
        lab=addresses.lab,
        namespaces=" ".join(f'"$NAMESPACE-{name}"' for name in settings["environments"]),
        repositories=" ".join([*settings["microservices"], "config"]),
    )


def footer(history: History) -> str:
    """What to look at, and how to clean up."""
    names = history.settings["environments"]
    looks = "\n".join(f'kubectl -n "$NAMESPACE-{name}" get pods -o wide' for name in names)
    return f'\n# What runs now.\n{looks}\necho "bash $0 remove   # removes all of it"'
