# The commands a newcomer needs. Each sets up what it needs: only python3, make, git and apt are assumed.
# Everything third-party comes pinned and hashed from requirements.lock, into .venv; Chromium from Debian.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
UV := uv==0.13.9
READY := $(VENV)/.ready
INSTALL = VIRTUAL_ENV=$(abspath $(VENV)) $(BIN)/uv --system-certs pip install --quiet

.PHONY: help demo lab test lint record bench lock

help:  ## Show these lines
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/'

$(READY): requirements.lock pyproject.toml
	@echo "Installing the locked dependencies into $(VENV) (about a minute, once) ..."
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("opslib needs Python 3.11 or newer")'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check '$(UV)'
	@$(INSTALL) --require-hashes --compile-bytecode -r requirements.lock || { \
	  echo "uv could not; pip tries, with its own index and certificates (two minutes) ..."; \
	  $(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock; }
	@$(INSTALL) --no-deps --no-build-isolation --editable .
	@touch $@

demo: $(READY)  ## Triage a real pipeline on this machine, following the tree, and show the reports
	@$(BIN)/python -m opslib.sandbox.demo

# Loopback only, and nothing that asks the outside for news.
LAB := --ServerApp.ip=127.0.0.1 --ServerApp.root_dir=$(CURDIR) \
  --LabApp.default_url=/lab/tree/notebooks/00-triage.ipynb --LabApp.news_url= --LabApp.extension_manager=readonly \
  --LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate
LAB += $(shell test "$$(id -u)" = 0 && echo --allow-root)

lab: $(READY)  ## Open the runbooks in JupyterLab against the sandbox
	@# What was up before stays up.
	@$(BIN)/opslib sandbox status > /dev/null 2>&1 || trap '$(BIN)/opslib sandbox down' EXIT; \
	  $(BIN)/opslib sandbox up --scenario slow > /dev/null; \
	  JUPYTER_CONFIG_PATH=$(CURDIR)/opslib/sandbox/lab $(BIN)/jupyter lab $(LAB)

CHROMIUM := $(shell command -v chromium 2> /dev/null)
SUDO := $(shell test "$$(id -u)" = 0 || echo sudo)

.PHONY: chromium
chromium:
ifeq ($(CHROMIUM),)
	@echo "Installing Chromium, which the browser tests drive ..."
	@$(SUDO) apt-get update -qq && DEBIAN_FRONTEND=noninteractive $(SUDO) apt-get install -y -qq chromium > /dev/null
endif

# More workers than cores make the tests that measure time fail.
WORKERS ?= 2

test: $(READY) chromium  ## Run the whole suite
	$(BIN)/python -m pytest tests -p no:nbval -n $(WORKERS) --dist loadfile
	$(BIN)/python -m pytest notebooks --nbval --nbval-current-env --nbval-cell-timeout 180 \
	  -n 2 --dist loadfile --no-loadscope-reorder

lint: $(READY)  ## Check style and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

record: $(READY)  ## Execute the committed notebooks again on the pinned sandbox
	@$(BIN)/python -m opslib.sandbox.notebooks

bench: $(READY)  ## Measure against papermill, awswrangler and SQL by hand, and count the calls of a triage
	$(BIN)/python bench/headless.py
	$(BIN)/python bench/sweep.py
	$(BIN)/python bench/insights.py
	$(BIN)/python bench/fleet.py
	$(BIN)/python bench/cwli.py

lock:  ## Resolve requirements.lock again from pyproject.toml
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --all-extras --generate-hashes \
	  --no-emit-index-url --no-annotate --no-header pyproject.toml -o requirements.lock
