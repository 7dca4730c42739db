# Everything a newcomer needs. Each target sets up what it needs and says what it does.
PYTHON ?= python3
VENV   ?= .venv
BIN     = $(VENV)/bin

.PHONY: help demo test test-kind-all compare-kind bench docs check clean

help:            ## show this list
	@grep -E '^[a-z-]+: .*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

$(BIN)/cdlab: pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "cdlab needs Python 3.11 or newer; name it: make PYTHON=python3.12 ..."; exit 3; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --editable '.[statistics,dashboard]'
	@touch $@

$(VENV)/.complete: $(BIN)/cdlab
	$(BIN)/pip install --quiet --disable-pip-version-check --editable '.[kind,dashboard,test,docs,dev]'
	@touch $@

demo: $(BIN)/cdlab        ## compare the three architectures in the simulator: no Docker
	$(BIN)/cdlab compare

test: $(VENV)/.complete   ## all tests; those that need kind run if a lab is up, else they say why not
	$(BIN)/python -m pytest $(PYTEST_ARGS)

test-kind-all: $(VENV)/.complete  ## every story and every incident on the real cluster: an hour
	CDLAB_REQUIRE_KIND=1 CDLAB_KIND_ALL=1 $(BIN)/python -m pytest -m kind $(PYTEST_ARGS)

compare-kind: $(VENV)/.complete  ## bring up the real cluster and compare on it
	$(BIN)/cdlab up
	$(BIN)/cdlab compare --substrate kind

bench: $(VENV)/.complete  ## the benchmarks; they print ratios within one run
	for each in benchmarks/bench_*.py; do echo "== $$each"; $(BIN)/python $$each || exit 1; done

docs: $(VENV)/.complete    ## the documentation site in build/site; nothing in it needs a network
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict
	@echo 'open build/site/index.html, or: python3 -m http.server --directory build/site'

check: $(VENV)/.complete  ## formatting, lint, types
	$(BIN)/ruff format --check cdlab tests scenarios benchmarks docs
	$(BIN)/ruff check cdlab tests scenarios benchmarks docs
	$(BIN)/mypy

clean:           ## remove what the targets above made here; `cdlab down` removes the cluster
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .hypothesis
