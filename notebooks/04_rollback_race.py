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
# # The rollback race
#
# One run is an anecdote. Here the same story runs with many seeds in every variant of V1, V2 and V3, and
# all of them share their random numbers: the n-th build of a microservice takes the same time in each.
# Meant for ten minutes, in the simulator.

# %% [markdown]
# ## Predict
#
# Write down an order for the median rollback time:
#
# - V1 with a warm build cache, V1 without a cache, V1 by `kubectl rollout undo`,
# - V2 by a code revert, V2 by a revert in the config repo,
# - V3 by a command, V3 by a command where the manager polls every minute.
#
# Which two differ by less than anybody would notice?

# %% [markdown]
# ## Run

# %%
import cdlab
from cdlab import workshop

race = cdlab.compare(runs=20)
race

# %% [markdown]
# ## Look
#
# A line says which share of the runs was back after so many seconds: further to the left is faster, steep
# is steady. Who wins every time, and whom does luck help?

# %%
workshop.distribution(race, "V1 revert, cache", "V1 revert, no cache", "V2 revert, cache", "V3 command")

# %% [markdown]
# ## Explain
#
# - **What is built decides.** Without a cache V1 and V2 wait for a whole build; with a warm one for the
#   checkout, the cached steps and a push.
# - **V1 and V2 without a build are as fast as V3, or faster.** Nothing here is faster than
#   `kubectl rollout undo`; CI's deploy step with the old tag is level with it. V3's command takes half
#   as long again, because it makes a commit first, as a revert in the config repo does. What they leave
#   behind is what differs: a code repo that still holds the bad change, other workloads that were hit, a
#   record that lies.
# - **Polling does not delay a command.** It delays deploys: look at the lead time.
# - **No hold, no rollback**: that row did not stay.

# %% [markdown]
# ## Change the track: builds that vary wildly
#
# The profile `heavy-ci` has builds of 198 s in the median, and one in twenty takes more than three
# quarters of an hour. Predict which rows that changes.

# %%
slow = cdlab.compare(runs=12, profile="heavy-ci")
workshop.ratios(slow)

# %% [markdown]
# ## Change the track: builds that cost nothing
#
# The profile `kind` was measured on a real cluster with trivial images. Predict who wins.

# %%
quick = cdlab.compare(runs=12, profile="kind")
workshop.ratios(quick)

# %% [markdown]
# A ratio above 1 says how many times as fast as V1 with a warm cache the row was. Where builds cost next
# to nothing, V3 is hardly faster than that, and `rollout undo` by a little more: **V3 is not faster
# because it is V3. It is faster by the build that it leaves out.** The break-even is where a rebuild
# takes as long as a commit to the config repo.
#
# ## On a real cluster

# %%
from pathlib import Path

from cdlab.scenario import load

# Once `cdlab up` has started a lab: say True, and run this cell again.
workshop.on_kind(load(Path("../scenarios/v3/rollback.yaml")), is_wanted=False)

# %% [markdown]
# ## The pain that is left
#
# Every number here belongs to somebody else's builds, microservices and habits. "There is no right or
# wrong way to implement continuous delivery with Kubernetes, it depends on the team requirements."
# `05_your_team` asks for yours.
