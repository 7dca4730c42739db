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
# # Version 2: CI applies a config repo
#
# ```
# developer ──git push──► code repo ──► CI ──docker build, push──► registry
#                                       │                             │ pull
#                      config repo ◄────┤                             │
#                      clone, edit,     └──────kubectl apply──────► cluster
#                      commit, push
# ```
#
# All manifests lie in one repository, which says what should run everywhere: the single source of truth.
# Meant for ten minutes, in the simulator.

# %% [markdown]
# ## Predict
#
# 1. Somebody deletes the cluster. From how many repositories does it come back in V1, with five
#    microservices, and in V2?
# 2. The same rollback as in `01_v1`: is it faster than there, slower, or the same?
# 3. Three teams push at the same moment. What happens in the config repo?

# %% [markdown]
# ## Run: the cluster is deleted

# %%
from pathlib import Path

import cdlab
from cdlab import workshop
from cdlab.scenario import load

scenarios = Path("../scenarios")
one = cdlab.run(load(scenarios / "v1/cluster-deleted-five-services.yaml"))
two = cdlab.run(load(scenarios / "v2/cluster-deleted-five-services.yaml"))
workshop.beside({"V1": one, "V2": two}, "cluster_rebuild", "serves_at_end")

# %% [markdown]
# Everything comes back in both. V1 needs every code repo and a step for each; V2 one repository and one
# step. "This version controlled config repository is the only thing necessary to bring back an
# application if someone accidentally deletes the production cluster."
#
# ## Run: the rollback

# %%
before = cdlab.run(load(scenarios / "v1/rollback.yaml"))
run = cdlab.run(load(scenarios / "v2/rollback.yaml"))
figures = ("rollback_seconds", "rebuilds", "touch_of_a_rollback", "collateral", "code_coupling")
workshop.beside({"V1": before, "V2": run}, *figures)

# %% [markdown]
# ## Look
#
# A bar is the rollback, from the request to the last pod. Which phases did V2 add, and which one decides?

# %%
workshop.phases({"V1": before, "V2": run})

# %%
workshop.lanes(run)

# %% [markdown]
# ## Explain
#
# - **No faster**: the old version is still built once more, and CI edits and pushes the config repo on
#   top of that. A rollback touches five kinds of box now, not four.
# - **Still one push for everything** (`code_coupling` 1): "it is still only possible to trigger the CI
#   system by pushing code". Staging goes back with production, as in V1.
# - **CI does a lot**: it writes images, configuration and every environment. When several pipelines
#   end at once, all of them want to push to the same repository:

# %%
teams = cdlab.run(load(scenarios / "v2/two-teams.yaml"))
workshop.beside({"V2, three pushes at once": teams}, "rejected_pushes", "serves_at_end")

# %% [markdown]
# A rejected push is no accident: CI clones again and tries once more, and everything arrives.
#
# ## Make it lie
#
# Predict: an operator is in a hurry and rolls back with kubectl. What does the single source of truth say
# afterwards, and what does the next push do?

# %%
lie = cdlab.run(load(scenarios / "v2/rollout-undo.yaml"))
after = ("rollback_seconds", "divergence_after_rollback", "bad_is_back_after_next_push")
workshop.beside({"revert": run, "rollout undo": lie}, *after)

# %% [markdown]
# ## On a real cluster

# %%
# Once `cdlab up` has started a lab: say True, and run this cell again.
workshop.on_kind(run.scenario, is_wanted=False)

# %% [markdown]
# ## The pain that Version 3 answers
#
# In band a rollback is a push of code and a build. Out of band it is fast, and the config repo lies: "this
# takes away from that repo being the SSOT". There is nobody whose job it is to change what runs and to
# write it down, without code and without CI. Version 3 gives that job to a **release manager**: `03_v3`.
#
# Exercises: `cdlab learn start make-the-config-repo-lie`, `survive-a-deleted-cluster`.
