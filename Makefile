# Everything a person types in a checkout. `make help` lists it.
SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
PYTHON ?= python3
NODE ?=
CLUSTER ?=
# test processes: more than cores, because tests of clusters wait more than they work; each may hold a control plane (1.5 GB)
WORKERS ?= 4
BIN := .venv/bin
SIDE_BY_SIDE := --numprocesses=$(WORKERS) --dist=loadfile --no-loadscope-reorder
READY := .venv/.installed-$(shell cat requirements-dev.lock pyproject.toml | cksum | tr -s ' ' '-')

.PHONY: help
help: ## This list
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | sort | sed -E 's/:.*## /\t/' | expand -t 16

.PHONY: setup
setup: $(READY) ## Make .venv with the novacron command (the others call it)

$(READY):
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "novacron needs Python 3.11 or newer; name one: make $(MAKECMDGOALS) PYTHON=python3.12" >&2; exit 2; }
	@echo "setting up .venv (about a minute)"
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

.PHONY: binaries
binaries: setup ## Build what tests need into the user's cache, once (about ten minutes of CPU)
	@$(BIN)/python -m tests.support.controlplane build

.PHONY: demo
demo: setup ## A cluster, the operator and a NovaCron until Ready; a real node as root on Linux; Ctrl-C cleans up
	@$(BIN)/python -m tests.support.demo $(if $(NODE),--node $(NODE))

.PHONY: test
test: binaries ## All tests but e2e, cluster tests included; WORKERS=4 files at a time, 0: one after the other
	@$(BIN)/python -m pytest $(SIDE_BY_SIDE)

.PHONY: e2e
e2e: setup ## Tests on a real node, with our image and real neighbours; Linux, as root
	@$(BIN)/python -m tests.support.controlplane build --node real
	@$(BIN)/python -m pytest tests/e2e

.PHONY: unit
unit: setup ## The pure tests alone: about a minute, no cluster
	@$(BIN)/python -m pytest tests/unit

.PHONY: lint
lint: setup ## ruff, mypy strict and the import contracts
	@$(BIN)/ruff check operator image tests
	@$(BIN)/ruff format --check operator image tests
	@$(BIN)/mypy
	@$(BIN)/lint-imports

.PHONY: image
image: setup ## Build the image as an OCI archive, .image/novacron.tar; no engine needed
	@$(BIN)/python -m image build

.PHONY: lock-image
lock-image: setup ## Pin the Debian packages of the image as the archive has them now
	@$(BIN)/python -m image lock

.PHONY: bench
bench: setup ## Speed and memory as ratios to a peer in the same run
	@$(BIN)/python -m tests.bench

.PHONY: generate
generate: setup ## Write crds/ and docs/ that are made from the code
	@$(BIN)/novacron crd > crds/novacron.yaml
	@$(BIN)/python -m tests.support.reference

.PHONY: lock
lock: setup ## Pin the newest allowed versions, with hashes
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	@$(BIN)/uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes --no-annotate --no-header pyproject.toml -o requirements.lock
	@$(BIN)/uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes --no-annotate --no-header --extra dev -c requirements.lock pyproject.toml -o requirements-dev.lock

.PHONY: cluster-up
cluster-up: setup ## Start a cluster, NODE=simulated|real|kind, or CLUSTER=<context> of yours; writes .cluster/kubeconfig
	@$(BIN)/python -m tests.support.controlplane up --node $(or $(NODE),simulated) --cluster "$(CLUSTER)"

.PHONY: cluster-down
cluster-down: setup ## Stop it
	@$(BIN)/python -m tests.support.controlplane down

.PHONY: clean
clean: ## Remove what was made in the checkout (binaries outside it stay)
	@rm -rf .venv .cluster .bench .image .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
