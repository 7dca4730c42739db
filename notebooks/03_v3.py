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
# # Version 3: a release manager
#
# ```
# developer ──git push──► code repo ──► CI ──docker build, push──► registry
#                                                                  │      │ pull
#                      config repo ◄── release manager ◄──new tag──┘      │
#                      clone, edit,    │  ▲                               │
#                      commit, push    │  └─ promote, roll back (user)    │
#                                      └──────kubectl apply─────────► cluster
# ```
#
# CI stops after the push. Each environment has a policy: staging releases every new image by itself,
# production waits for somebody who promotes. Meant for ten minutes, in the simulator.

# %% [markdown]
# ## Predict
#
# 1. Which boxes does a rollback go through now, and which of them may be down?
# 2. Does staging go back with production?
# 3. A deploy goes through more boxes than before. What becomes worse?
# 4. After the rollback the newest image is the bad one. What keeps automation from releasing it again?

# %% [markdown]
# ## Run

# %%
from pathlib import Path

import cdlab
from cdlab import workshop
from cdlab.scenario import load

scenarios = Path("../scenarios")
run = cdlab.run(load(scenarios / "v3/rollback.yaml"))
run

# %% [markdown]
# ## Look
#
# The rollback is the short piece at the end, and CI has no part in it. Below, where its time goes, beside
# the same rollback in the other two.

# %%
workshop.lanes(run)

# %%
one = cdlab.run(load(scenarios / "v1/rollback.yaml"))
two = cdlab.run(load(scenarios / "v2/rollback.yaml"))
workshop.phases({"V1": one, "V2": two, "V3": run})

# %% [markdown]
# ## Explain
#
# - **No code, no CI, no build** (`rebuilds` 0): one command makes one commit in the config repo and one
#   apply. The image is the very one that was good (`artifact_fidelity` 1).
# - **Nothing else changes** (`collateral` 0): staging keeps the bad release, so that somebody can look
#   at it.
# - **The config repo tells the truth** (`divergence_after_rollback` none), because the rollback is a
#   commit there.
#
# Beside the other two, darker where more is tied together. What gets worse stands in the last three rows:

# %%
better = ("code_coupling", "rebuilds", "collateral", "components_to_roll_back")
worse = ("lead_time_seconds", "touch_of_a_deploy", "components_to_deploy")
workshop.ties({"V1": one, "V2": two, "V3": run}, *better, *worse)

# %% [markdown]
# ## Take the hold away
#
# The rollback's commit also sets a **hold**, which stops automation for this workload. Predict what
# happens in an environment that releases by itself when a naive manager sets none.

# %%
naive = cdlab.run(load(scenarios / "v3/rollback-without-hold.yaml"))
workshop.beside({"hold": run, "no hold": naive}, "stayed_rolled_back", "serves_at_end")

# %% [markdown]
# Automation did what its policy says, and released the newest image. The manager says so itself: its
# decisions are events with a reason, and stand in the story of the run.

# %%
workshop.explained(naive)

# %% [markdown]
# ## On a real cluster

# %%
# Once `cdlab up` has started a lab: say True, and run this cell again.
workshop.on_kind(run.scenario, is_wanted=False)

# %% [markdown]
# ## What is left open
#
# Version 3 rolls back with fewer boxes and deploys with more, it holds the keys to every environment, and
# whoever writes the config repo has the whole cluster behind it. And how much faster is it, really, with
# *your* builds? `04_rollback_race` measures that. Predict first: is there a case in which V1 wins?
#
# Exercises: `cdlab learn start roll-back-without-ci`, `have-automation-undo-a-rollback`,
# `keep-it-rolled-back`, `wait-for-the-manager`, `find-where-v3-loses`, `write-your-own-v4`.
