# `make demo` and `make test` need Python 3.11 or newer and make, nothing else.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: setup demo test check clean

$(VENV)/.installed: pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit("Bellhop needs Python 3.11 or newer; this is " + sys.version.split()[0]) if sys.version_info < (3, 11) else None'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable .
	@touch $@

$(VENV)/.installed-dev: $(VENV)/.installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@

setup: $(VENV)/.installed  ## make .venv with the command bellhop

demo: setup  ## an alert, a diagnosis, a fix and a postmortem on a simulated network
	@$(BIN)/bellhop demo $(DEMO_FLAGS)

test: $(VENV)/.installed-dev  ## types, style, import rules and every test
	@PATH="$(CURDIR)/$(BIN):$$PATH" sh tests/run.sh

check: $(VENV)/.installed-dev  ## types, style and import rules only
	$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/mypy && $(BIN)/lint-imports

clean:
	rm -rf $(VENV) build dist
