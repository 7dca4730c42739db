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
# # Your team
#
# "It depends on the team requirements." Here you write yours down, and the three architectures play them.
# Meant for ten minutes, in the simulator.

# %% [markdown]
# ## Predict
#
# Think of one application of your own: how many microservices, how many pods of each, how long does a
# build take, does CI keep a cache? Then of your last bad release: were good commits on top of it?
#
# Write down which of the three you would choose, and which two figures would change your mind.

# %% [markdown]
# ## Run
#
# This text is a scenario file without its `architecture`; `docs/stories.md` has all that it can say.
# Replace what is not like your team: `lean-ci` builds take four minutes in the median, those of
# `heavy-ci` vary far more.

# %%
import cdlab
from cdlab import workshop

team = """
microservices: [web, basket, payment, search]
replicas: 3
profile: heavy-ci
build_cache: false
commits_on_top: 1
"""

# %%
runs = workshop.in_all(team)
figures = ("rollback_seconds", "lead_time_seconds", "rebuilds", "artifact_fidelity", "collateral")
workshop.beside(runs, *figures, "good_commits_withdrawn", "serves_at_end")

# %% [markdown]
# ## Look
#
# Where the time of each rollback went, all measures of the three, and the rollback of the one that you
# would have chosen.

# %%
workshop.phases(runs)

# %%
workshop.beside(runs)

# %%
workshop.lanes(runs["V3"])

# %% [markdown]
# ## Explain
#
# - Where a build is long and the cache cold, V1 and V2 spend nearly the whole rollback on it.
# - V3 is back in seconds, and takes a good commit out of production: it went in on top of the bad one
#   (`good_commits_withdrawn`). A revert in V1 and V2 keeps it. **V3 loses here.**
# - `lead_time_seconds` is what V3's commit costs on every deploy. How often do you deploy, and how often
#   do you roll back?
#
# ## What would change your mind?
#
# Change one thing at a time, and predict first: another seed, a warm cache, no commits on top, another
# `story:`. This one asks what it takes to bring everything back when the cluster is gone.

# %%
gone = workshop.in_all("microservices: [web, basket, payment, search]\nstory: cluster-deleted")
workshop.beside(gone, "cluster_rebuild", "rebuild_seconds", "serves_at_end")

# %% [markdown]
# ## On a real cluster

# %%
# Once `cdlab up` has started a lab: say True, and run this cell again.
workshop.on_kind(runs["V3"].scenario, is_wanted=False)

# %% [markdown]
# ## The pain that no architecture answers
#
# A V3 for two microservices with builds of seconds is a release manager to look after and little to show
# for it; V1 for fifty is fifty code repos to bring a cluster back from. Whichever you choose has a row
# in which it loses: know that row. `cdlab advise` weighs your numbers over many runs, and says what would
# change its answer. And if none of the three fits, write a fourth: `cdlab learn start write-your-own-v4`.
