# `make pix2pix` trains and exports a family, `make test` runs the tests: each from a fresh clone, on its own.
PYTHON ?= python3
RECIPES := $(basename $(notdir $(wildcard recipes/*.py)))

.PHONY: help test $(RECIPES)

help:
	@echo "make test, or make a family: $(RECIPES)"
	@echo "flags go in ARGS: make pix2pix ARGS='--steps=500 --seed=1'"

$(RECIPES): .venv/installed
	.venv/bin/python recipes/$@.py $(ARGS)

test: .venv/installed
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/python -m pytest -n auto --maxprocesses=4 --dist=worksteal $(ARGS)

.venv/installed: setup.py requirements.txt
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 10) else "Python 3.10 or newer is needed, this is " + sys.version.split()[0] + "; choose one with PYTHON=python3.12")'
	$(PYTHON) -m venv .venv
	.venv/bin/python -m pip install --quiet --disable-pip-version-check --upgrade pip # that of Python 3.10 searches for long
	.venv/bin/python -m pip install --quiet --disable-pip-version-check -r requirements.txt
	@touch $@
