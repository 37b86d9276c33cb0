# `make chat` is all a newcomer needs; `make check` is what CI runs.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := PIP_CONSTRAINT=constraints.txt $(BIN)/python -m pip --disable-pip-version-check

.PHONY: chat install test lint format check bench faults clean help

help:
	@echo 'make chat      open the chat'
	@echo 'make install   make .venv and install chatterm into it'
	@echo 'make test      run the tests'
	@echo 'make lint      formatting, types, layers'
	@echo 'make check     lint and test, as CI does'
	@echo 'make faults    kill it hundreds of times'
	@echo 'make bench     measure it'

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo 'chatterm needs Python 3.11 or newer; name one with make PYTHON=python3.12'; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: pyproject.toml constraints.txt | $(BIN)/python
	$(PIP) install --quiet --editable .
	@touch $@

$(VENV)/.installed-test: pyproject.toml constraints.txt | $(BIN)/python
	$(PIP) install --quiet --editable '.[test]'
	@touch $@ $(VENV)/.installed

install: $(VENV)/.installed

chat: install
	@$(BIN)/chatterm

test: $(VENV)/.installed-test
	@scripts/test-packages
	$(BIN)/python -m pytest -n 2 --cov --cov-report=term -m 'not faults'

lint: $(VENV)/.installed-test
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy --no-error-summary -p chatterm
	$(BIN)/mypy --no-error-summary tests benchmarks
	$(BIN)/lint-imports --no-cache

format: $(VENV)/.installed-test
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

check: lint test

faults: $(VENV)/.installed-test
	$(BIN)/python -m pytest -m faults tests/faults

bench: $(VENV)/.installed-test
	$(BIN)/python -m benchmarks

clean:
	rm -rf $(VENV) build dist .mypy_cache .pytest_cache .ruff_cache .coverage*
