# Everything a developer or CI runs. `make help` lists it. Needs: make, Python 3.11 or later with venv.

PYTHON ?= $(shell for p in python3 python3.11 python3.12 python3.13 python3.14; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
BIN := .venv/bin
STAMP := .venv/.installed
CHECKED := $(wildcard app simulators demo benchmarks tests tools)
COMPILE := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	--custom-compile-command "make lock"

.DEFAULT_GOAL := help
.PHONY: help setup demo run test browser test-pg15 faults bench lint fix types arch check lock audit sbom image-check openapi migrate clean

help: ## List the targets
	@sed -n 's/^\([a-z0-9-]*\):.*## \(.*\)/\1\t\2/p' $(MAKEFILE_LIST) | expand -t 12

$(STAMP): requirements-dev.lock pyproject.toml
	@test -n "$(PYTHON)" || { echo "Python 3.11 or later is needed (set PYTHON=/path/to/python3)."; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

setup: $(STAMP) ## Make .venv with the locked dependencies

demo: setup ## The whole story against the simulators; exits 0 only if both sides tie out
	$(BIN)/python -m demo

run: setup ## Serve the service on 127.0.0.1:8000 with the simulators beside it
	$(BIN)/python -m demo run

test: setup ## The suite, all but what is marked slow or browser
	$(BIN)/pytest -n 2 --dist loadgroup -m "not slow and not browser" $(PYTEST_ARGS)

test-pg15: setup ## The suite against Debian's PostgreSQL 15
	.ci/with-pg15 $(BIN)/pytest -n 2 --dist loadgroup -m "not slow and not browser" $(PYTEST_ARGS)

browser: setup ## Walks through the pages in Debian's Chromium; SCREENSHOTS=1 takes the pictures of the docs anew
	.ci/with-chromium $(BIN)/pytest -m browser tests/browser $(PYTEST_ARGS)

faults: setup ## The long tests: kills, freezes, storms, schedules, state machines
	$(BIN)/pytest -n 2 --dist loadgroup -m "slow and not browser" $(PYTEST_ARGS)

bench: setup ## Measure the claims, each beside its floor; SAVE=1 keeps the figures in benchmarks/
	$(BIN)/python -m benchmarks $(if $(SAVE),--save) $(PARTS)

lint: setup ## Style and common mistakes
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

fix: setup ## Repair what ruff can repair
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

types: setup ## mypy
	$(BIN)/mypy $(CHECKED)

arch: setup ## Import contracts and size budgets
	$(BIN)/lint-imports
	$(BIN)/pytest -q tests/test_architecture.py

check: lint types arch test browser ## What CI runs

lock: setup ## Resolve the dependencies anew (UPGRADE=1 for the newest versions)
	$(COMPILE) $(if $(UPGRADE),--upgrade) --extra otel pyproject.toml -o requirements.lock
	$(COMPILE) $(if $(UPGRADE),--upgrade) --all-extras -c requirements.lock pyproject.toml -o requirements-dev.lock

audit: setup ## Ask the package index for advisories on every locked release; fails if it could not
	$(BIN)/python -m tools.audit requirements.lock requirements-dev.lock

sbom: setup ## Write the bill of materials of what the image holds (CycloneDX)
	@mkdir -p dist
	$(BIN)/cyclonedx-py requirements requirements.lock --pyproject pyproject.toml --mc-type application --output-reproducible -o dist/tieout.cdx.json

image-check: setup ## Carry out the Dockerfile without a daemon, look inside, let it work
	$(BIN)/python -m tools.image_check

openapi: setup ## Write the published API document anew
	$(BIN)/python -m app.cli openapi > docs/openapi.json.new && mv docs/openapi.json.new docs/openapi.json

migrate: setup ## Bring the database to the newest schema
	$(BIN)/alembic upgrade head

clean: ## Remove the virtual environment and caches; the data in .data stays
	rm -rf .venv .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis build dist
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
