# `make` alone lists the targets.

VENV := .venv
READY := $(VENV)/.ready
RUNS := $(VENV)/.runs
BENCH_READY := .venv-bench/.ready
FUZZ_READY := .venv-fuzz/.ready
BIN := $(VENV)/bin
UV ?= $(firstword $(wildcard $(BIN)/uv) uv)
COMPILE = $(UV) pip compile --quiet --universal --generate-hashes --python-version 3.11 \
	--no-header --no-emit-index-url --no-emit-find-links

.DEFAULT_GOAL := help
.PHONY: help demo test check format man standards bench soak fuzz mutants lock clean

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-9s %s\n", $$1, $$2}' Makefile

# An environment for development will do. Without one, the packages that it runs with are enough.
demo: $(if $(wildcard $(READY)),$(READY),$(RUNS)) ## Start the development issuer, three services and the gateway
	$(BIN)/gateway demo

test: $(READY) ## Run every test that this machine can run
	@scripts/real_parts.sh install
	@status=0; \
	scripts/tests.sh $(BIN)/pytest || status=1; \
	scripts/real_parts.sh missing; \
	exit $$status

check: $(READY) ## Check style, format, types and import contracts
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(READY) ## Format every file as `make check` requires
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

man: $(READY) ## Generate man/gateway.1 from the verbs and their options
	$(BIN)/gateway help man > man/gateway.1

standards: $(READY) ## Generate docs/standards.md: each requirement, and the tests that hold it
	$(BIN)/python -m tests.project.standards

bench: $(READY) $(BENCH_READY) ## Compare with Envoy, HAProxy and nginx (ROUNDS=5 SECONDS=4 ROWS=…)
	@scripts/real_parts.sh install bench
	$(BIN)/python -m benchmarks $(ROWS)

soak: $(READY) ## Slow attacks, a thousand reloads, then ten minutes of mixed traffic and crashes (SECONDS=600 SOAK=…)
	@scripts/real_parts.sh install soak
	@status=0; \
	$(BIN)/python -m tests.soak.slow || status=1; \
	$(BIN)/python -m tests.soak.floods || status=1; \
	$(BIN)/python -m tests.soak.reloads || status=1; \
	$(BIN)/python -m tests.soak.reloads --workers 2 || status=1; \
	$(BIN)/python -m tests.soak --seconds $(or $(SECONDS),600) $(SOAK) || status=1; \
	scripts/real_parts.sh missing soak; \
	exit $$status

fuzz: $(FUZZ_READY) ## Fuzz the data port and the decision (SECONDS=60 for each surface, FUZZ=client …)
	SECONDS_EACH=$(or $(SECONDS),60) .venv-fuzz/bin/python -m tests.fuzz $(FUZZ)

mutants: $(READY) ## Try mutants of the code that decides (SECONDS=600, MUTANTS=gateway/http SEED=…)
	SECONDS=$(or $(SECONDS),600) SEED=$(SEED) $(BIN)/python -m tests.mutants $(MUTANTS)

lock: ## Generate the lock files in requirements/ from pyproject.toml (needs uv)
	$(COMPILE) --upgrade pyproject.toml --extra otlp --extra qr --extra redis -o requirements/runtime.txt
	$(COMPILE) --upgrade pyproject.toml --extra otlp --extra qr --extra redis --group dev --group build \
		-c requirements/runtime.txt -o requirements/dev.txt
	$(COMPILE) --upgrade --group build -c requirements/dev.txt -o requirements/build.txt
	$(COMPILE) --upgrade --group bench -o requirements/bench.txt
	$(COMPILE) --upgrade pyproject.toml --group fuzz -c requirements/dev.txt \
		-o requirements/fuzz.txt

clean: ## Remove the environments and all build results
	rm -rf $(VENV) .venv-bench .venv-fuzz .bench .fuzz build dist .mypy_cache .ruff_cache .pytest_cache \
		.hypothesis .import_linter_cache .coverage
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# The stamp is written last, so an interrupted build starts again.
$(RUNS): pyproject.toml requirements/runtime.txt requirements/build.txt scripts/environment.sh
	scripts/environment.sh $(VENV) requirements/runtime.txt requirements/build.txt
	touch $@

$(READY): pyproject.toml requirements/dev.txt scripts/environment.sh
	scripts/environment.sh $(VENV) requirements/dev.txt
	touch $@

$(FUZZ_READY): requirements/fuzz.txt scripts/environment.sh
	scripts/environment.sh .venv-fuzz requirements/fuzz.txt
	touch $@

$(BENCH_READY): requirements/bench.txt scripts/environment.sh
	scripts/environment.sh .venv-bench requirements/bench.txt
	touch $@
