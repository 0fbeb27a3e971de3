# The only task list. CI calls these targets; nothing is defined twice.
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.SECONDEXPANSION:
MAKEFLAGS += --no-builtin-rules
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c

PYTHON ?= python3
UV ?= uv
VENV := .venv
BIN := $(VENV)/bin
EXTENSION := pycore/_core.abi3.so
RUNTIME := $(VENV)/.installed-runtime
DEVELOP := $(VENV)/.installed-develop
BUILT := $(VENV)/.built
NODE_TESTS := tests/api/sandbox/node
OPENAPI_JUDGES := tests/api/openapi
GO_TESTS := $(patsubst %/go.mod,%/client,$(wildcard tests/api/sandbox/go/*/go.mod))
JAVA_TESTS := $(patsubst %/pom.xml,%/target/libraries,$(wildcard tests/api/sandbox/java/*/pom.xml))
PUBLIC_CLIENTS := $(if $(shell command -v npm),$(NODE_TESTS)/node_modules) \
	$(if $(shell command -v go),$(GO_TESTS)) \
	$(if $(and $(shell command -v mvn),$(shell command -v javac)),$(JAVA_TESTS))
RUST_SOURCES := $(shell find core_rs -name target -prune -o \( -name '*.rs' -o -name Cargo.toml \) -print) Cargo.toml Cargo.lock

ONLY ?=
DATA ?=
CYCLES ?= 1000
LOAD ?= transfers
PYTEST_ARGS ?=

# pyo3 must be built against the interpreter the project runs on, whichever python3 comes first in PATH.
export PYO3_PYTHON := $(CURDIR)/$(BIN)/python

.PHONY: help
help: ## Print a line for each target
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed, this is " + sys.version.split()[0]) if sys.version_info < (3, 11) else None'
	@echo "creating $(VENV)"
	@$(PYTHON) -m venv $(VENV)

$(RUNTIME): requirements.lock | $(BIN)/python
	@echo "installing the locked run-time dependencies"
	@$(BIN)/python -m pip install --disable-pip-version-check --quiet --require-hashes -r requirements.lock
	@touch $@

$(DEVELOP): requirements-dev.lock | $(RUNTIME)
	@echo "installing the locked development dependencies"
	@$(BIN)/python -m pip install --disable-pip-version-check --quiet --require-hashes -r requirements-dev.lock
	@touch $@

# First the compiler, visibly; then the project is put into the environment, from what is built. The stamp is there too,
# so that a new environment gets it again.
$(BUILT): $(RUST_SOURCES) pyproject.toml | $(RUNTIME)
	@echo "building the Rust extension (release); the first time this takes minutes"
	@VIRTUAL_ENV=$(CURDIR)/$(VENV) $(BIN)/maturin develop --release --locked --skip-install
	@PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python -m pip install --disable-pip-version-check --quiet --no-index --no-deps \
		--no-build-isolation --config-settings=build-args=--locked --editable .
	@touch $@
ifeq ($(wildcard $(EXTENSION)),)
.PHONY: $(BUILT)
endif

.PHONY: setup
setup: $(RUNTIME) $(DEVELOP) ## Create .venv with the locked dependencies

.PHONY: build
build: $(RUNTIME) $(BUILT) ## Build the extension when Rust sources changed

.PHONY: run
run: build ## Serve on 127.0.0.1:7400 (gRPC) and 127.0.0.1:7480 (HTTP) with a demo merchant, data under ./data
	@exec $(BIN)/python -m api --demo

.PHONY: sandbox
sandbox: build ## Simulate the payment channels on 127.0.0.1:7490, data under ./data/sandbox
	@exec $(BIN)/python -m api.sandbox

.PHONY: lint
lint: setup build ## Check format, style, types, stubs and imports; nothing is changed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/stubtest pycore._core
	$(BIN)/lint-imports
	@$(MAKE) --no-print-directory lint-openapi
	cargo fmt --all --check
	cargo clippy --locked --workspace --all-targets -- -D warnings

# Two linters that others use judge the OpenAPI document. They exist for Node only.
.PHONY: lint-openapi
lint-openapi: setup build $(if $(shell command -v npm),$(OPENAPI_JUDGES)/node_modules)
	@if [ -d $(OPENAPI_JUDGES)/node_modules ]; then \
		mkdir -p $(OPENAPI_JUDGES)/generated && \
		$(BIN)/python -m api.openapi_file > $(OPENAPI_JUDGES)/generated/openapi.json && cd $(OPENAPI_JUDGES) && \
		node_modules/.bin/redocly lint generated/openapi.json && \
		node_modules/.bin/spectral lint generated/openapi.json --fail-severity=hint; \
	else echo "without npm: the OpenAPI document is not linted"; fi

$(OPENAPI_JUDGES)/node_modules: $(OPENAPI_JUDGES)/package-lock.json
	@npm ci --silent --no-audit --no-fund --prefix $(OPENAPI_JUDGES) && touch $@ || echo "without Node's packages: the OpenAPI document is not linted"

.PHONY: format
format: setup ## Format all sources and apply the safe style fixes
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	cargo fmt --all

# Public clients that the simulated channels must satisfy, in Node, Go and Java: one folder per client and language, with
# its versions pinned. Built once; where one cannot be had its test is skipped.
$(NODE_TESTS)/node_modules: $(NODE_TESTS)/package-lock.json
	@npm ci --silent --no-audit --no-fund --prefix $(NODE_TESTS) || echo "without Node's packages: their test is skipped"

tests/api/sandbox/go/%/client: $$(wildcard tests/api/sandbox/go/$$*/*.go) tests/api/sandbox/go/%/go.mod
	@cd $(@D) && go build -o client . || echo "without Go's modules: the test in $(@D) is skipped"

tests/api/sandbox/java/%/target/libraries: $$(wildcard tests/api/sandbox/java/$$*/src/main/java/*.java) tests/api/sandbox/java/%/pom.xml
	@(cd tests/api/sandbox/java/$* && mvn --quiet --batch-mode compile && touch target/libraries) \
		|| echo "without Maven's packages: the test of $* in Java is skipped"

# The binding crate has no Rust tests of its own: an extension module is tested from Python.
.PHONY: test
test: lint $(PUBLIC_CLIENTS) ## Lint, then all Rust and Python tests (PYTEST_ARGS= to choose)
	cargo test --locked --workspace --exclude pycore-python
	$(BIN)/python -m pytest $(PYTEST_ARGS)

.PHONY: bench
bench: setup build ## Measure the workloads (ONLY=ledger_durable,growth to choose)
	$(BIN)/python -m bench --only "$(ONLY)"

.PHONY: bench-plot
bench-plot: setup ## Draw the plots of the latest results
	$(BIN)/python -m bench.plot

.PHONY: torture
torture: setup build ## Kill and restart under load (CYCLES=1000, LOAD=transfers or payments) and count what was lost
	$(BIN)/python -m tests.simulation.torture --cycles $(CYCLES) --load $(LOAD)

.PHONY: exhaustion
exhaustion: setup build ## Attack a server in a network namespace of its own, and weigh it (needs root and iproute2)
	$(BIN)/python -m tests.simulation.exhaustion

.PHONY: degradation
degradation: setup build ## Fill the database's disk, stop and kill the database, stop the channels, and measure (needs root)
	$(BIN)/python -m tests.simulation.degradation

.PHONY: real-data
real-data: build ## Stream a bank's transactions through the running server (DATA=folder)
	@test -n "$(DATA)" || { echo "usage: make real-data DATA=folder"; exit 2; }
	$(BIN)/python -m bench.real_data "$(DATA)"

.PHONY: docs
docs: setup build ## Write the documents that are made from the sources
	$(BIN)/python -m api.error_table

.PHONY: proto
proto: setup ## Regenerate the gRPC stubs
	$(BIN)/python -m api.proto.generate

.PHONY: lock
lock: ## Resolve the newest allowed dependencies into the lock files (needs uv)
	cargo update
	$(UV) pip compile pyproject.toml --group build --universal --python-version 3.11 $(LOCK_OPTIONS) -o requirements.lock
	$(UV) pip compile pyproject.toml --group dev --universal --python-version 3.11 $(LOCK_OPTIONS) -c requirements.lock -o requirements-dev.lock

LOCK_OPTIONS := --quiet --generate-hashes --no-emit-index-url --no-emit-find-links --no-annotate --custom-compile-command "make lock"

.PHONY: clean
clean: ## Remove everything built; ./data is kept
	rm -rf $(VENV) target build $(EXTENSION) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
