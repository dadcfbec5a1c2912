# Two commands matter: `make demo` (see a family verified) and `make test` (pass every test).
# Each recipe is one idea; CI calls only these.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
VERIFY := $(BIN)/verify

.DEFAULT_GOAL := help
.PHONY: help generated setup setup-dev demo demo-stop serve simulate test check fix lint types floors unit \
        openapi fuzz picture lock bench-online bench-outage bench-identity bench-population bench-rules oracle population proofs chaos search-cost guess bench-replay replay-matrix clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 16

$(VENV)/.runtime: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit("verify needs Python 3.11 or newer; set PYTHON=" if sys.version_info < (3, 11) else 0)'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "installing the pinned dependencies ..."
	@$(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install -q --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/.dev: requirements-dev.lock $(VENV)/.runtime
	@$(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes -r requirements-dev.lock
	@touch $@

setup: $(VENV)/.runtime ## install what the product needs
setup-dev: $(VENV)/.dev ## and what its tests need

demo: setup ## a family verified over real HTTP, explained, replayed
	@$(VERIFY) demo

demo-stop: ## stop what `make demo` left running
	@$(VERIFY) demo --stop

serve: setup ## API, console and worker on the embedded database
	@$(VERIFY) serve

simulate: setup ## the simulated departments on loopback
	@$(VERIFY) simulate

test: setup-dev ## everything: style, types, floors, browser, every test
	@$(MAKE) --no-print-directory check
	@scripts/ensure-chromium
	@$(BIN)/pytest -n 2 --dist worksteal

check: lint types floors ## style, types, floors

lint: setup-dev
	@$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/yamllint -s connectors rules scoring fixtures
types: setup-dev
	@$(BIN)/mypy
floors: setup-dev
	@$(BIN)/lint-imports

fix: setup-dev ## format and repair what can be repaired
	@$(BIN)/ruff check --fix . ; $(BIN)/ruff format .

fuzz: setup-dev ## hostile payloads for every decoder (COUNT=500000 SEED=1)
	@$(BIN)/python tests/fuzz/decoders.py --count $(or $(COUNT),500000) --seed $(or $(SEED),1)

openapi: setup ## write api/openapi.json from the code
	@$(VERIFY) openapi --out api/openapi.json

generated: setup ## write the pages and schemas that are made from code and rules
	@$(VERIFY) openapi --out api/openapi.json
	@$(VERIFY) rules schema --out api/schemas
	@$(VERIFY) rules coverage --out docs/reference/coverage.md > /dev/null
	@$(BIN)/python -m verify.cli.reference > docs/reference/cli.md
	@$(BIN)/python -m verify.cli.connector_reference > docs/reference/connectors.md

picture: setup-dev ## redraw the picture of a verdict in docs/
	@scripts/ensure-chromium && $(BIN)/python docs/make_picture.py

population: setup ## write the committed sample population again
	@$(VERIFY) simulate population --households 120 --seed 20250520 --out fixtures/population

bench-online: setup-dev ## engine overhead and verifications per second: embedded, and PostgreSQL with two workers
	@$(BIN)/python benchmarks/online/run.py --postgres

bench-outage: setup ## what one dead source costs the others
	@$(BIN)/python benchmarks/outage/run.py

# Peers stay out of the product's environment: they may pin what the product uses.
var/bench-venv/.ready: requirements-bench.lock
	@test -x var/bench-venv/bin/python || $(PYTHON) -m venv var/bench-venv
	@echo "installing the peers of the benchmarks ..." >&2
	@var/bench-venv/bin/python -m pip install -q --disable-pip-version-check --require-hashes -r requirements-bench.lock >&2
	@touch $@

bench-rules: setup var/bench-venv/.ready ## a city of a million households, beside Polars by hand, ZEN, OpenFisca
	@$(BIN)/python benchmarks/rules/run.py --peers $(CURDIR)/var/bench-venv/bin/python

bench-identity: setup var/bench-venv/.ready ## who is who, beside Splink and recordlinkage
	@$(BIN)/python benchmarks/identity/run.py --peers $(CURDIR)/var/bench-venv/bin/python

bench-population: setup ## a synthetic city of ten million people: time, memory, digest twice
	@$(BIN)/python benchmarks/population/run.py

proofs: setup-dev ## a million mutated Merkle proofs, all refused
	@VERIFY_PROOFS=1000000 $(BIN)/pytest tests/store/test_store_merkle.py

oracle: setup-dev ## 100,000 random households with hidden evidence against two independent oracles
	@PYTHONPATH=tests/rules:tests $(BIN)/python tests/rules/oracle_run.py --count 100000

bench-replay: setup ## sealed verifications replayed per minute, all byte-identical
	@$(BIN)/python benchmarks/replay/run.py

search-cost: setup-dev ## texts sought that cost too much to compare (COUNT=2000)
	@VERIFY_COST_EXAMPLES=$(or $(COUNT),2000) $(BIN)/pytest -q tests/identity/test_identity_cost.py

replay-matrix: setup ## the golden archives on every Python and Polars that we support
	@scripts/replay-matrix

chaos: setup-dev ## 10,000 kills on both databases, a kill and an error at every operation, 100,000 power losses
	@VERIFY_KILLS=10000 VERIFY_CALLS=all VERIFY_POINTS=all VERIFY_ERRORS=all VERIFY_LOSSES=100000 \
	  $(BIN)/pytest -n 2 --dist worksteal -rP tests/chaos

guess: setup-dev ## a million candidate ids tried against a stolen backup
	@VERIFY_CANDIDATES=1000000 $(BIN)/pytest tests/store/test_store_vault.py -k backup

lock: ## pin dependencies with hashes
	@$(BIN)/python -m pip install -q --disable-pip-version-check uv
	@$(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-annotate --extra build pyproject.toml -o requirements.lock
	@$(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-annotate --extra dev --extra build pyproject.toml -c requirements.lock -o requirements-dev.lock
	@$(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-annotate --extra bench pyproject.toml -o requirements-bench.lock

clean: ## remove what the commands made
	@rm -rf $(VENV) var dist .mypy_cache .ruff_cache .import_linter_cache .hypothesis
