# `make chat` is all a newcomer needs; `make check` is what CI runs.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
GUIDE := build/guide
PIP := PIP_CONSTRAINT=constraints.txt $(BIN)/python -m pip --disable-pip-version-check

.PHONY: chat install test lint format check bench pictures faults guide guide-eval man clean help

help:
	@echo 'make chat      open the chat'
	@echo 'make install   make .venv and install chatterm into it'
	@echo 'make test      run the tests'
	@echo 'make lint      formatting, types, layers'
	@echo 'make check     lint and test, as CI does'
	@echo 'make faults    kill it hundreds of times'
	@echo 'make bench     measure it'
	@echo 'make pictures  take the pictures of the README again'
	@echo 'make guide     train the built-in guide anew (an hour, downloads PyTorch)'
	@echo 'make guide-eval  ask the built-in guide the questions of its test'
	@echo 'make man       show the manual page'

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
	$(BIN)/python -m pytest -n 4 --cov --cov-report=term -m 'not faults'

lint: $(VENV)/.installed-test
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy --no-error-summary -p chatterm
	$(BIN)/mypy --no-error-summary tests benchmarks
	$(BIN)/lint-imports --no-cache

format: $(VENV)/.installed-test
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

man: $(VENV)/.installed-test
	@$(BIN)/python scripts/manual.py | man -l -

check: lint test

faults: $(VENV)/.installed-test
	$(BIN)/python -m pytest -m faults tests/faults

pictures: $(VENV)/.installed-test
	$(BIN)/python -m scripts.pictures

bench: $(VENV)/.installed-test
	$(BIN)/python -m benchmarks

$(GUIDE)/venv/.installed: scripts/guide/requirements.txt
	$(PYTHON) -m venv $(GUIDE)/venv
	$(GUIDE)/venv/bin/python -m pip --disable-pip-version-check install --quiet -r $<
	@touch $@

guide: $(GUIDE)/venv/.installed install
	$(GUIDE)/venv/bin/python -m scripts.guide.train --out $(GUIDE)
	$(GUIDE)/venv/bin/python -m scripts.guide.distil --out $(GUIDE)
	$(GUIDE)/venv/bin/python -m scripts.guide.export --run $(GUIDE)
	$(GUIDE)/venv/bin/python -m scripts.guide.same --run $(GUIDE) --out $(GUIDE)/same.json
	$(BIN)/python -m scripts.guide.evaluate --same $(GUIDE)/same.json --model $(GUIDE)/guide-f16.gguf
	$(BIN)/python -m scripts.guide.evaluate --same $(GUIDE)/same.json
	$(BIN)/python -m scripts.guide.evaluate --about $(GUIDE)/about.json

guide-eval: install
	$(BIN)/python -m scripts.guide.evaluate

clean:
	rm -rf $(VENV) build dist .mypy_cache .pytest_cache .ruff_cache .coverage*
