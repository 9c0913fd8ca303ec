# make run   a server with three live training runs        make test   everything that is tested
# make check format, lint, types, imports, unit tests      make help   the rest
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
PORT   ?= 7500
# Most tests wait for processes, so two files at once take about half the time. WORKERS= runs them one by one.
WORKERS ?= -n 2 --dist loadfile --no-loadscope-reorder
OTHERS := -m "not slow" --ignore=tests/unit

.DEFAULT_GOAL := help
.PHONY: help run test check fmt lint type imports unit slow bench web web-check clean install

help: ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1\t\2/' | expand -t 20

# --- the environment: each stamp is renewed when what it depends on changes ------------------------------
$(VENV)/.created:
	$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 10) else "Kiseki needs Python 3.10 or newer; try make PYTHON=python3.12 …")'
	$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/.installed: $(VENV)/.created pyproject.toml scripts/build_web.py web/package-lock.json
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e . scikit-learn
	@touch $@

$(VENV)/.dev: $(VENV)/.installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[dev]'
	@touch $@

install: $(VENV)/.dev ## the development environment

web: $(VENV)/.installed ## build the web app, if its sources changed
	@$(BIN)/python scripts/build_web.py

# --- using it --------------------------------------------------------------------------------------------
run: $(VENV)/.installed web ## server + three live runs of a real model; Ctrl-C ends it
	$(BIN)/python scripts/demo.py --port $(PORT)

# --- checking it -----------------------------------------------------------------------------------------
test: check web-check web ## all tests: unit, contract, golden, faults, end to end, browser
	@$(BIN)/python scripts/browser.py
	@# What failed beside others is run once more, alone: a busy machine is no fault.
	$(BIN)/python -m pytest $(OTHERS) $(WORKERS) || \
	$(BIN)/python -m pytest $(OTHERS) --last-failed --last-failed-no-failures none

check: $(VENV)/.dev lint type imports unit ## format, lint, types, import contract, unit tests

lint:
	@$(BIN)/ruff format --check --quiet . || (echo "run: make fmt" && exit 1)
	@$(BIN)/ruff check --quiet .

type:
	@$(BIN)/mypy --no-error-summary

imports:
	@out=$$($(BIN)/lint-imports 2>&1) || (echo "$$out"; exit 1)

unit:
	@$(BIN)/python -m pytest tests/unit -q -m "not slow" -n 2 || \
	$(BIN)/python -m pytest tests/unit -q -m "not slow" --last-failed --last-failed-no-failures none

fmt: $(VENV)/.dev ## format and fix what can be fixed
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

slow: $(VENV)/.dev web ## soaks, long kill rounds, fuzzing
	@$(BIN)/python scripts/browser.py
	$(BIN)/python -m pytest -m slow

web-check: $(VENV)/.installed ## types and unit tests of the web app
	@$(BIN)/python scripts/build_web.py
	$(BIN)/python scripts/openapi.py | npm --prefix web run --silent types -- --check
	cd web && npm run --silent check && npm run --silent test

bench: $(VENV)/.dev web ## every benchmark; results in benchmarks/results/
	$(BIN)/python benchmarks/run.py

clean: ## remove everything that can be made again
	rm -rf $(VENV) web/node_modules src/kiseki/server/static .mypy_cache .ruff_cache .pytest_cache .run
