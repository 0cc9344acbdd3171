# Charter Oak. `make run` shows it, `make test` proves it, `make check` holds the house, `make bench` measures.
PORT ?= 8000
PYTHON ?= $(shell for p in python3.13 python3.12 python3.11 python3; do command -v $$p >/dev/null 2>&1 && $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo $$p; break; }; done)
BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet --require-hashes --only-binary :all:

.PHONY: help run test differential soak fuzz check bench format migration lock docs clean

help: ## What can be made
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/'

run: .venv/runs ## Install, migrate, load the demo into an empty store, serve on 127.0.0.1:$$PORT
	@EXCHANGE_DEMO=1 PORT=$(PORT) $(BIN)/flask migrate
	@EXCHANGE_DEMO=1 PORT=$(PORT) $(BIN)/flask demo load --if-empty
	@EXCHANGE_DEMO=1 PORT=$(PORT) exec $(BIN)/flask serve

test: .venv/tests browser sumdb ## Install what the tests need, then run every test
	$(BIN)/python -m pytest -n 2 --dist loadfile $(PYTEST)

differential: .venv/tests ## Ask every engine the whole corpus of queries, a real Spark too (needs Java 17; about ten minutes)
	SPARK_CORPUS=all $(BIN)/python -m pytest -q tests/exchange/test_rows_differential.py tests/exchange/test_rows_spark.py

soak: .venv/tests ## 32 readers, 4 workers, a minute on each database, an agreement terminated; the log's processes killed 200 times
	SOAK_SECONDS=60 $(BIN)/python -m pytest -s tests/flows/test_concurrency.py
	LOG_KILLS=200 $(BIN)/python -m pytest -s tests/flows/test_log_faults.py -k kill_9

fuzz: .venv/tests ## Ask 20,000 statements of SoQL, valid and broken: rows, or an error that is the reader's
	FUZZ=20000 $(BIN)/python -m pytest -s tests/exchange/test_rows_fuzz.py

check: .venv/tests ## Format, lint, types, import contracts, documents held to code
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m pytest -q tests/guards

bench: .venv/tests ## Measure, each figure beside its floor in the same run; writes docs/performance.md
	$(BIN)/python -m benchmarks.run $(BENCH)

format: .venv/tests ## Put every file into the house's format
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

migration: .venv/tests ## Write a migration for what the models changed: make migration NAME=what_changed
	EXCHANGE_DEMO=1 $(BIN)/flask migrate --write "$(NAME)"

docs: .venv/tests ## Write the generated documents anew
	$(BIN)/python -m tests.guards.generated

lock: .venv/tests ## Pin requirements anew, with hashes (needs uv on the path)
	uv pip compile --universal --python-version 3.11 --generate-hashes --quiet --no-header requirements.in -o requirements.txt
	uv pip compile --universal --python-version 3.11 --generate-hashes --quiet --no-header requirements-test.in -o requirements-test.txt
	uv pip compile --universal --python-version 3.11 --generate-hashes --quiet --no-header requirements-spark.in -o requirements-spark.txt
	uv pip compile --universal --python-version 3.11 --generate-hashes --quiet --no-header --no-deps requirements-spark-server.in -o requirements-spark-server.txt
	uv pip compile --universal --python-version 3.11 --generate-hashes --quiet --no-header --no-deps requirements-sigstore.in -o requirements-sigstore.txt

clean: ## Remove the environment and the demo's data
	rm -rf .venv var

.venv/bin/python:
	@test -n "$(PYTHON)" || { echo "Charter Oak needs Python 3.11 or newer; none was found on the path. Install it, or name it: make PYTHON=/path/to/python3.11"; exit 1; }
	$(PYTHON) -m venv .venv

.venv/runs: requirements.txt | .venv/bin/python
	@echo "Installing the locked requirements (about a minute the first time) ..."
	$(PIP) -r requirements.txt
	@touch $@

.venv/tests: requirements-test.txt requirements.txt | .venv/bin/python
	$(PIP) -r requirements-test.txt
	@touch .venv/runs $@

browser:
	@command -v chromium >/dev/null 2>&1 || command -v chromium-browser >/dev/null 2>&1 || command -v google-chrome >/dev/null 2>&1 || sh tests/install-browser.sh

sumdb:
	@command -v go >/dev/null 2>&1 || ls /usr/lib/go-*/bin/go >/dev/null 2>&1 || sh tests/install-go.sh || echo "Go could not be installed; its check of the log will be skipped."
