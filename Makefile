# Everything a newcomer needs is `make demo` and `make test`; both set themselves up.
.DEFAULT_GOAL := help
PYTHON ?= python3
BIN := .venv/bin

# Prefect and its dependencies phone home unless told not to.
export PREFECT_SERVER_ANALYTICS_ENABLED := false
export DO_NOT_TRACK := 1

.PHONY: help setup demo test chaos lint types fmt bench clean lock

help:  ## list the targets
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

setup: .venv/.ready  ## make .venv with .venv/bin/milepost, from the lock file

.venv/.ready: requirements-dev.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(0 if (3, 11) <= sys.version_info < (3, 14) else "Milepost needs Python 3.11 to 3.13; try: make PYTHON=python3.12 setup")'
	@echo "Setting up .venv (once, about a minute)"
	@$(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes --requirement requirements-dev.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

demo: setup  ## run the real flows against a local Xero, job systems and Slack; stays up until Ctrl-C
	@$(BIN)/milepost demo

test: setup  ## run every test
	@$(BIN)/python -m pytest -n logical --maxprocesses 4 --dist loadfile

chaos: setup  ## faults and kills by SEED= on JOBS= jobs in ROUNDS= rounds, then a recount
	@$(BIN)/python -m tests.acceptance.chaos_show $(if $(SEED),--seed $(SEED)) $(if $(JOBS),--jobs $(JOBS)) $(if $(ROUNDS),--rounds $(ROUNDS))

lint: setup  ## ruff, its formatter, and the arrows between folders
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/lint-imports

types: setup  ## the strict type check
	@$(BIN)/mypy

fmt: setup  ## format the code and mend what ruff can mend
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

bench: setup  ## print figures: 1,000 jobs, calls, seconds, CPU, memory
	@$(BIN)/python -m benchmarks.thousand_jobs

lock:  ## renew the lock files (needs uv)
	uv pip compile pyproject.toml --universal --generate-hashes --no-emit-index-url --no-header --python-version 3.11 -o requirements.lock -q
	uv pip compile pyproject.toml --extra dev -c requirements.lock --universal --generate-hashes --no-emit-index-url --no-header --python-version 3.11 -o requirements-dev.lock -q

clean:  ## remove what was built and the demo's data; never your .milepost ledger
	rm -rf .venv .demo .pytest_cache .mypy_cache .ruff_cache .hypothesis dist
