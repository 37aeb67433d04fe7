# The only entry point. `make` prints what there is.
SHELL := /bin/bash
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

PYTHON ?= python3.11
BIN := .venv/bin
LOCKS := requirements.txt requirements-dev.txt requirements-uv.txt
# Says what is installed: newer than every lock, or the set-up runs again.
INSTALLED := .venv/.installed
UV := $(BIN)/uv

# make bot, make portal-check, make portal-new
PORTAL ?=
ARGS ?=

export PYTHONPATH :=
unexport VIRTUAL_ENV

.PHONY: help
help: ## This list
	@echo "make TARGET, where TARGET is one of:"
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1|\2/p' $(MAKEFILE_LIST) | while IFS='|' read -r name text; do \
	  printf '  %-14s %s\n' "$$name" "$$text"; done

.PHONY: demo
demo: browser ## 25 requests from queue to mail, with real Airflow and a real browser, checked
	@$(BIN)/python -m sandbox.demo

# make chaos
KILLS ?= 200
SEED ?= 1
REQUESTS ?= 0
WHAT ?=
COPY_MINUTES ?= 0

.PHONY: chaos
chaos: browser ## Kill every part at every step, then count the mails: make chaos KILLS=20
	@$(BIN)/python -m sandbox.chaos --kills $(KILLS) --seed $(SEED) --requests $(REQUESTS) --what "$(WHAT)" \
		--copy-minutes $(COPY_MINUTES)

.PHONY: up
up: browser ## The whole stack in the foreground; Ctrl-C ends it
	@$(BIN)/python -m sandbox.up

.PHONY: test
test: check-format browser ## All checks and all tests
	$(BIN)/pytest -m "not bench and not airflow" -n 2 --dist loadfile
	$(BIN)/pytest -m "airflow"

.PHONY: check
check: check-format ## Format, lint, types, fast tests: what to run before a commit
	$(BIN)/pytest -m "not slow and not airflow and not bench" -n 2 --dist loadfile -q

.PHONY: check-format
check-format: setup
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/sqlfluff lint --disable-progress-bar sql
	$(BIN)/robocop check robot sandbox/portals
	$(BIN)/robocop format --check robot sandbox/portals

.PHONY: bench
bench: browser ## Figures, each against its peer, into var/bench.json
	@$(BIN)/python -m tests.benchmarks $(ARGS)

.PHONY: bot
bot: browser ## The bot without Airflow, as QA run it: make bot ARGS="--help"
	@$(BIN)/python -m sandbox.bot $(if $(PORTAL),--portal $(PORTAL)) $(ARGS)

.PHONY: portal-new
portal-new: setup ## A new portal folder from the template: make portal-new PORTAL=north_bank
	@$(if $(PORTAL),,echo "make portal-new PORTAL=name_of_the_bank"; exit 2;) \
	  $(BIN)/python -m billcopy portal-new $(PORTAL) $(ARGS)

.PHONY: portal-check
portal-check: browser ## Check a portal folder, then walk it up to the send form: PORTAL=practice
	@$(BIN)/python -m sandbox.bot --check $(if $(PORTAL),--portal $(PORTAL)) $(ARGS)

.PHONY: keyword-docs
keyword-docs: setup ## The keywords' documentation as pages, into var/keyword-docs
	@mkdir -p var/keyword-docs
	@for file in $$(find robot -name '*.resource' -not -path '*/_template/*'); do \
	  name=$$(basename $$(dirname $$file))-$$(basename $$file .resource); \
	  $(BIN)/libdoc --pythonpath robot/resources:robot/libraries $$file var/keyword-docs/$$name.html; \
	done

.PHONY: lock
lock: $(UV) ## Lock the newest versions that fit requirements*.in
	@for name in requirements requirements-dev requirements-uv; do \
	  $(UV) pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes \
	    --no-emit-index-url $$name.in -o $$name.txt || exit 1; done

.PHONY: clean
clean: ## Remove the environment and everything the sandbox wrote
	@if [ -e var/stack.lock ] && ! flock --nonblock var/stack.lock true; then \
	  echo "The stack is running: $$(cat var/stack.lock)"; exit 1; fi
	rm -rf .venv var .mypy_cache .ruff_cache .pytest_cache .robocop_cache

# -- set-up -------------------------------------------------------------------------------------

.PHONY: setup
setup: $(INSTALLED)

.PHONY: browser
browser: setup
	@$(BIN)/python -m sandbox.browser

$(BIN)/python:
	@command -v $(PYTHON) >/dev/null || { \
	  echo "Python 3.11 or newer is needed, and there is no $(PYTHON) here. Install it, or name another: make PYTHON=python3.12"; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "$(PYTHON) is $$($(PYTHON) -V 2>&1); 3.11 or newer is needed: make PYTHON=python3.12"; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || { \
	  echo "$(PYTHON) has no venv module. On Debian or Ubuntu: apt-get install python3.11-venv"; exit 1; }
	@echo "Making the virtual environment .venv"
	@$(PYTHON) -m venv .venv

$(UV): requirements-uv.txt | $(BIN)/python
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || $(BIN)/python -m ensurepip --default-pip >/dev/null
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-uv.txt
	@touch $(UV)

$(INSTALLED): $(LOCKS) pyproject.toml $(UV)
	@echo "Installing the locked packages"
	@$(UV) pip install --quiet --python $(BIN)/python --require-hashes -r requirements.txt -r requirements-dev.txt
	@$(UV) pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
	@touch $(INSTALLED)
