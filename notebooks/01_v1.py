# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Version 1: the CI system sets the image
#
# ```
# developer ──git push──► code repo ──► CI ──docker build, push──► registry
#                                       │                             │ pull
#                                       └────kubectl set image────► cluster
# ```
#
# A bad release of `front-end` runs in staging and in production. It is Ready, and it serves wrong
# content. You roll production back. Everything here runs in the simulator, in virtual time. Meant for ten
# minutes.

# %% [markdown]
# ## Predict
#
# Write your answers down before you go on.
#
# 1. Which boxes of the picture does the rollback go through?
# 2. Which phase of it takes longest, and what would make it shorter?
# 3. Staging runs the bad release too. Does rolling production back change staging?
# 4. The old version is built once more. Is it the same image, bit by bit?

# %% [markdown]
# ## Run

# %%
from pathlib import Path

import cdlab
from cdlab import workshop
from cdlab.scenario import load

scenarios = Path("../scenarios/v1")
run = cdlab.run(load(scenarios / "rollback.yaml"))
run

# %% [markdown]
# ## Look
#
# The whole story, and below it the rollback alone, with its phases.

# %%
workshop.lanes(run)

# %% [markdown]
# ## Explain
#
# - **Another code change** (`code_coupling` 1). Nothing but the head of the code repo says what should
#   run, so the only way back is a commit that goes forward.
# - **A build that was done before** (`rebuilds` 1). The rollback waits for CI, and it needs the same
#   four components up as a deploy (`components_to_roll_back`).
# - **Staging went back as well** (`collateral` 0.2, one of the five other workloads). CI sets the image
#   in every environment; "only production" is not expressible.
# - **The same image** (`artifact_fidelity` 1), because the build cache was warm. A CI executor that
#   starts empty builds another one:

# %%
cold = cdlab.run(load(scenarios / "rollback-no-cache.yaml"))
figures = ("rollback_seconds", "artifact_fidelity", "registry_bytes")
workshop.beside({"warm cache": run, "no cache": cold}, *figures)

# %%
workshop.phases({"warm cache": run, "no cache": cold})

# %% [markdown]
# ## Is there no faster way?
#
# There is: `kubectl rollout undo`, by hand. It needs no commit and no build. Predict what the next
# push, of something harmless, does to it.

# %%
undone = cdlab.run(load(scenarios / "rollout-undo.yaml"))
after = ("rollback_seconds", "divergence_after_rollback", "bad_is_back_after_next_push")
workshop.beside({"revert": run, "rollout undo": undone}, *after)

# %% [markdown]
# ## On a real cluster

# %%
# Once `cdlab up` has started a lab: say True, and run this cell again.
workshop.on_kind(run.scenario, is_wanted=False)

# %% [markdown]
# ## The pain that Version 2 answers
#
# `kubectl` was fast, and left a cluster that no repository describes: `divergence_after_rollback` says
# `code repo`, and the next push brought the bad change back. If somebody deletes the cluster, nobody
# can say what ran. Version 2 puts all manifests into one **config repo**, the single source of truth:
# `02_v2`. Before you open it, predict whether that makes a rollback faster.
#
# Exercises: `cdlab learn start lose-a-good-commit`, `another-image`, `bring-the-bad-change-back`,
# `leave-staging-alone`, `let-the-older-build-win`.
