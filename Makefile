# `make pix2pix` trains and exports a family, `make test` runs the tests: each from a fresh clone, on its own.
# Training installs no more than it needs; the tests and the gallery bring the rest.
PYTHON ?= python3
RECIPES := $(basename $(notdir $(wildcard recipes/*.py)))
PIP := .venv/bin/python -m pip install --quiet --disable-pip-version-check

.PHONY: help test gallery release zoo bench $(RECIPES)

help:
	@echo "make test, make gallery, make release, make zoo, make bench, or make a family: $(RECIPES)"
	@echo "flags go in ARGS: make pix2pix ARGS='--steps=500 --seed=1'"

$(RECIPES): .venv/installed
	.venv/bin/python recipes/$@.py $(ARGS)

gallery: .venv/installed-gallery
	.venv/bin/python -m tfgan_zoo.gallery $(ARGS)

release: .venv/installed
	.venv/bin/python -m tfgan_zoo.hub pack exported release

zoo: .venv/installed
	.venv/bin/python -m benchmarks.zoo $(ARGS)

bench: .venv/installed
	.venv/bin/python -m benchmarks.speed $(ARGS)
	.venv/bin/python -m benchmarks.speed --tables

test: .venv/installed-test
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/python -m pytest -n auto --maxprocesses=4 --dist=worksteal $(ARGS)

.venv/installed: setup.py
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 10) else "Python 3.10 or newer is needed, this is " + sys.version.split()[0] + "; choose one with PYTHON=python3.12")'
	$(PYTHON) -m venv .venv
	$(PIP) --upgrade pip # that of Python 3.10 searches for long
	$(PIP) -e .
	@touch $@

.venv/installed-gallery: .venv/installed
	$(PIP) -e '.[gallery]'
	@touch $@

.venv/installed-test: .venv/installed requirements.txt
	$(PIP) -r requirements.txt
	@touch $@
