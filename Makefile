# Everything a checkout needs, with nothing but Python, pip and make. ARGS go to the main job:
#     make run ARGS="noise.length=0.5,1,2 -m"

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --quiet --disable-pip-version-check
# The environment first: a uv on PATH may be a launcher that doesn't work here, and `make lock` then installs one.
UV := PATH="$(CURDIR)/$(BIN):$$PATH" uv

# Stamps named after the content they stand for: a new content has no stamp yet, while a touched or checked out again
# file with the old content installs nothing.
LOCKED := $(VENV)/.lock-$(shell cksum < requirements.lock | cut -d' ' -f1)
EDITABLE := $(VENV)/.editable-$(shell cksum < pyproject.toml | cut -d' ' -f1)

# A process for each core; a free one takes over what waits for another.
PARALLEL := -n auto --dist worksteal

.DEFAULT_GOAL := help
.PHONY: help setup run test test-all test-basic bench docs lint lock clean

help:  ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-10s %s\n", $$1, $$2 }' Makefile

setup: $(EDITABLE)  ## make .venv from requirements.lock, again only when that or pyproject.toml changes

run: setup  ## the main job: python -m noiseprobe $(ARGS)
	$(BIN)/python -m noiseprobe $(ARGS)

test: setup  ## the quick tests
	$(BIN)/python -m pytest $(PARALLEL) -m "not slow"

test-all: setup  ## all tests, the slow ones too
	$(BIN)/python -m pytest $(PARALLEL)

# What tells old and new versions of dependencies apart; those that need audiocraft are skipped. In no .venv: PYTHON's.
test-basic:  ## quick tests of numbers, models, results and commands, in the environment of PYTHON
	$(PYTHON) -m pytest -m "not slow" tests/functional tests/metrics tests/models tests/results tests/test_cli.py \
	    tests/test_bars.py tests/test_golden.py

bench: setup  ## the speed benchmark: writes bench/bench.json and bench/bench.md; ARGS=--check compares with them
	$(BIN)/python -m bench $(ARGS)

docs: setup  ## the documentation as a site, in site/; a warning or a broken link is an error
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

lint: setup  ## ruff and mypy
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

# Needs the environment's pip at most, not what is locked: a lock that can't be installed must not be in the way. For the
# oldest Python and newer ones: uv would begin with the environment's, and a lock made with 3.12 lacks what 3.11 needs.
lock: | $(BIN)/pip  ## resolve pyproject.toml anew into requirements.lock (uses uv)
	@$(UV) --version >/dev/null 2>&1 || $(PIP) install uv
	$(UV) pip compile pyproject.toml --extra audiocraft --group dev --universal --python-version 3.11 --upgrade \
	    --generate-hashes --no-header --no-annotate --quiet -o requirements.lock

clean:  ## remove .venv, built packages and caches; results stay
	rm -rf $(VENV) dist site .pytest_cache .mypy_cache .ruff_cache
	find bench conf examples noiseprobe recipes tests -name __pycache__ -prune -exec rm -rf {} +

# pip is the last thing that venv makes, so without it the environment is half made, or another tool's: begin again.
$(BIN)/pip:
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; (3, 11) <= v <= (3, 12) or sys.exit("noiseprobe needs Python \
	3.11 or 3.12, and $(PYTHON) is %s.%s: name another one, as in make setup PYTHON=python3.12" % v)'
	@$(PYTHON) -m venv --clear $(VENV)

# Without dependency resolution: audiocraft's own pins can't be met, and the lock is complete (pyproject.toml, tool.uv).
$(LOCKED): $(BIN)/pip
	@echo "Installing requirements.lock into $(VENV): minutes the first time, and about 6 GB"
	@rm -f $(VENV)/.lock-*
	@$(PIP) install --no-deps --require-hashes -r requirements.lock
	@touch $@

# Without isolation: the build backend is in the lock too, so nothing is fetched that it doesn't name.
$(EDITABLE): $(LOCKED)
	@rm -f $(VENV)/.editable-*
	@$(PIP) install --no-deps --no-build-isolation -e .
	@touch $@
