# Every command a person needs; `make` alone lists them.
SHELL := /bin/bash
.DEFAULT_GOAL := help
PYTHON_BIN := .venv/bin/python
COMPILE := uv pip compile pyproject.toml --universal --generate-hashes --no-header --quiet
INSTALLED := .venv/.installed

$(INSTALLED): requirements-dev.lock
	@deploy/local/bootstrap.sh

.PHONY: help
help: ## list the commands
	@grep -hE '^[a-z0-9-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

# Running it

.PHONY: run start stop status demo flow
run: $(INSTALLED) ## start everything and stay attached; Ctrl-C stops it
	@exec $(PYTHON_BIN) -m deploy.local up

start: $(INSTALLED) ## start everything in the background
	@$(PYTHON_BIN) -m deploy.local up --detach

stop: $(INSTALLED) ## stop everything; the data stay in .run
	@$(PYTHON_BIN) -m deploy.local down

status: $(INSTALLED) ## show every process with its state and ports
	@$(PYTHON_BIN) -m deploy.local status

demo: $(INSTALLED) ## replay 20,000 real purchases and check every total (DEMO_ORDERS=5000, or =all for 69,659)
	@$(PYTHON_BIN) -m demo

flow: $(INSTALLED) ## who publishes and who handles an event: make flow EVENT=order_completed
	@$(PYTHON_BIN) -m shared.flow $(EVENT)

# Testing it

# Tests run in an order that is shuffled, and the same wherever and whenever the same tests run. ORDER=default shuffles anew, ORDER=last repeats.
ORDER ?= 1
PYTEST = $(PYTHON_BIN) -m pytest --randomly-seed=$(ORDER)

.PHONY: test test-rules test-servers unit contract integration e2e
test: $(INSTALLED) ## all tests: those that wait for servers, and meanwhile those that compute (ORDER=default: in another order)
	@$(MAKE) --no-print-directory --jobs=2 --keep-going test-servers test-rules

test-servers: $(INSTALLED)
	$(PYTEST) tests/integration tests/e2e

test-rules: $(INSTALLED)
	nice -n 10 $(PYTEST) tests/unit tests/contract

unit contract integration e2e: $(INSTALLED)
	$(PYTEST) tests/$@
unit: ## the rules alone, without servers (the quick loop)
contract: ## storage, schemas and documents, on a real MongoDB
integration: ## the runtime, on a real RabbitMQ and MongoDB
e2e: ## whole journeys through the public doors

# Proving it

.PHONY: chaos control proof mutants
chaos: $(INSTALLED) ## break the system on purpose and look for what is lost or doubled (PLAN=kills ROUNDS=100 SEED=1)
	@$(PYTHON_BIN) -m chaos $(if $(PLAN),--plan $(PLAN)) $(if $(ROUNDS),--rounds $(ROUNDS)) $(if $(SEED),--seed $(SEED))

control: $(INSTALLED) ## the same faults against the plain nameko way
	@$(PYTHON_BIN) -m chaos control $(if $(ROUNDS),--rounds $(ROUNDS)) $(if $(SEED),--seed $(SEED))

proof: $(INSTALLED) ## write docs/proof.md, and the summary in README.md, from chaos/results
	@$(PYTHON_BIN) -m chaos proof

mutants: $(INSTALLED) ## put faults into a copy of the code, one at a time, and see that the tests notice (MUTANTS="drop-head confirms-off")
	@$(PYTHON_BIN) -W ignore -m mutants $(MUTANTS)

.PHONY: bench
bench: $(INSTALLED) ## measure how fast it is, side by side with others (BENCH="consume --trials 5" for a part)
	@$(PYTHON_BIN) -W ignore -m benchmarks $(BENCH)

# Keeping it clean

.PHONY: check lint format format-check types docs docs-check
check: format-check lint types docs-check test ## everything that has to pass before a commit is pushed

lint: $(INSTALLED) ## ruff, import rules, YAML and the Dockerfile
	.venv/bin/ruff check .
	.venv/bin/lint-imports
	.venv/bin/yamllint --strict .
	.venv/bin/hadolint Dockerfile

format: $(INSTALLED) ## format the code
	.venv/bin/ruff format .
	.venv/bin/ruff check --fix .

format-check: $(INSTALLED)
	.venv/bin/ruff format --check .

types: $(INSTALLED) ## mypy, strict
	.venv/bin/mypy

docs: $(INSTALLED) manifests ## write the generated documents and manifests
	$(PYTHON_BIN) -m shared.catalogue

docs-check: docs
	@git diff --exit-code -- docs deploy/k8s || { echo "The generated documents were out of date: commit what \`make docs\` wrote." >&2; exit 1; }

# Watching it

.PHONY: alerts-drill
alerts-drill: $(INSTALLED) ## stop each process of the running system for a minute: its alert fires and no other
	@$(PYTHON_BIN) -m deploy.prometheus

# Kubernetes

.PHONY: manifests dev-secrets
manifests: $(INSTALLED) ## write the generated manifests below deploy/k8s
	@$(PYTHON_BIN) -m deploy.k8s manifests

dev-secrets: $(INSTALLED) ## generate the secrets of the development cluster, once
	@$(PYTHON_BIN) -m deploy.k8s dev-secrets

# What it is made of

AUDIT := .venv/audit
$(AUDIT)/.installed: deploy/audit/requirements.lock $(INSTALLED)
	$(PYTHON_BIN) -m venv $(AUDIT)
	$(AUDIT)/bin/pip install --quiet --disable-pip-version-check --require-hashes -r $<
	@touch $@

.PHONY: audit sbom licences
audit: $(AUDIT)/.installed ## look for known vulnerabilities of what the image contains (asks the package index)
	$(AUDIT)/bin/pip-audit --strict --disable-pip --require-hashes --requirement requirements.lock

sbom: $(AUDIT)/.installed ## write the bill of materials of the image, CycloneDX 1.6, to .run/sbom.json
	@mkdir -p .run
	$(AUDIT)/bin/cyclonedx-py requirements requirements.lock --pyproject pyproject.toml --spec-version 1.6 --output-reproducible -o .run/sbom.json

licences: $(INSTALLED) ## list the licences of what the image contains
	@$(PYTHON_BIN) -m deploy.licences

# Maintaining it

.PHONY: lock clean
lock: ## resolve the dependencies of pyproject.toml anew into the hashed lock files
	$(COMPILE) -o requirements.lock
	$(COMPILE) --extra tracing -o requirements-tracing.lock
	$(COMPILE) --extra tracing --extra local --extra dev -o requirements-dev.lock
	$(subst pyproject.toml,deploy/audit/requirements.in,$(COMPILE)) -o deploy/audit/requirements.lock

clean: ## remove caches, the environment and all local data (stop it first)
	@if [ -x $(PYTHON_BIN) ]; then $(PYTHON_BIN) -m deploy.local down; fi
	rm -rf .run .venv .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -prune -exec rm -rf {} +
