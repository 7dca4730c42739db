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
# # The pieces: who does what until something runs
#
# ```
# code repo     source of one microservice              registry   images, by tag and by digest
# CI            builds an image for every push          cluster    environments: staging, production
# config repo   all manifests (from V2 on)              people     developers and operators
# ```
#
# Three microservices are to run in two environments, for the first time. Everything here runs in the
# simulator, in virtual time: no Docker, no cluster, no network. Meant for ten minutes.

# %% [markdown]
# ## Predict
#
# Write your answers down before you go on. In Version 1 CI builds an image for every push and says
# `kubectl set image` in both environments.
#
# 1. Nothing runs yet. What does `kubectl set image` do then?
# 2. How many things does a person do by hand until everything runs everywhere?
# 3. Which box knows afterwards what runs in production?

# %% [markdown]
# ## Run

# %%
from pathlib import Path

import cdlab
from cdlab import workshop
from cdlab.scenario import load

scenarios = Path("../scenarios")
first = cdlab.run(load(scenarios / "v1/first-deployment.yaml"))

# %% [markdown]
# ## Look
#
# A lane is a box or an actor, a bar is what takes time, an arrow leads from a cause to what it set off.

# %%
workshop.lanes(first)

# %% [markdown]
# The same in words. All of it is told from the *history* of the run, a list of events that also every
# number is computed from.

# %%
workshop.explained(first)

# %% [markdown]
# ## Explain
#
# - **The pipelines fail**: there is no Deployment whose image could be set. So an operator applies each
#   `service.yaml` by hand: "it's fine to perform manual deployments initially".
# - **Nothing but the cluster knows** what runs in production. The code repos know what was pushed.
# - **Six steps by hand**: a push of each of three code repos, and an apply of each of three manifests.
#   Where all manifests lie in one config repo, bringing them there is one step, and CI applies them:

# %%
second = cdlab.run(load(scenarios / "v2/first-deployment.yaml"))
workshop.beside({"V1": first, "V2": second}, "first_deployment_steps", "writable_resources")

# %% [markdown]
# ## Pods are mortal
#
# "Machines disappear all the time, especially in the cloud." Predict: the machine that runs most pods of
# a microservice dies. Who brings them back, CI, an operator or the cluster, and after what time?

# %%
lost = cdlab.run(load(scenarios / "v1/node-lost.yaml"))
workshop.beside({"a machine dies": lost}, "restoring_seconds", "serves_at_end", "replicas_at_end")

# %% [markdown]
# The cluster does, with nobody's help: a Deployment says how many pods there should be, and Kubernetes
# starts them elsewhere. It keeps what it was told. It does not know what it should be told next.
#
# ## On a real cluster

# %%
# Once `cdlab up` has started a lab: say True, and run this cell again.
workshop.on_kind(first.scenario, is_wanted=False)

# %% [markdown]
# ## The pain that Version 1 answers
#
# After every change somebody would have to type: build, push, `kubectl set image`, for each environment.
# "Future updates to a deployment should be automated in the CI system." That is Version 1: `01_v1`. It
# makes deploys automatic. Before you open it, predict what it does to rollbacks.
