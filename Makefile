# Two commands do everything from a fresh clone: `make run` and `make test`.
PYTHON ?= python3
BIN := .venv/bin
# A test file for each of two cores: what a file's tests share is made once.
TEST := $(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder
# Data sets that several checkouts share may lie beside them; else they are downloaded.
DATA := $(firstword $(wildcard data ../shared/data))
ifneq ($(DATA),)
export AL_DATA_DIR ?= $(abspath $(DATA))
endif
PORT ?= 5000
# Where `make run` puts its runs.
EXPERIMENT ?= active-learning
# The version whose replies the tests have on record.
LABEL_STUDIO := 1.23.2

.PHONY: help setup run ui test test-all lint mutants docs bench site site-serve pictures dist slow chaos label-studio label-studio-serve label-studio-test clean

help:            ## what there is
	@grep -E '^[a-z-]+: .*##' $(MAKEFILE_LIST) | sed -E 's/:.*## */\t/' | expand -t 20

setup: .venv/ready ## make .venv with the pinned set

.venv/ready: pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet -c constraints.txt -e '.[dev,server]'
	touch $@

run: setup       ## the default campaign: digits, auto beside random
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/mlflow run . --env-manager local --experiment-name $(EXPERIMENT)
	@echo "or, from this folder: make ui"

ui: setup        ## the MLflow UI on what `make run` made
	$(BIN)/al ui --port $(PORT)

test: setup      ## the default tests
	$(TEST)

test-all: setup  ## the slow ones too
	$(TEST) -m ''

lint: setup      ## ruff, mypy, import-linter
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

mutants: setup   ## small changes of the code: does a test notice each? (half an hour, goes on where it was cut off)
	nice -n 10 $(BIN)/python -m tests.mutants

docs: setup      ## the tables of docs/, from the catalogs
	$(BIN)/python -m docs.tables

site: setup      ## the documentation as a site, build/site/index.html, from which make site-serve shows it
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet

site-serve: site ## that site at http://127.0.0.1:8000, its search too
	$(BIN)/python -m http.server 8000 --bind 127.0.0.1 --directory build/site

pictures: setup  ## the pictures of docs/images anew, in chromium on a fresh store
	$(BIN)/python -m docs.pictures
	$(BIN)/python -m docs.pictures_page
	test ! -e .venv-label-studio/ready || $(BIN)/python -m docs.pictures_label_studio

dist: setup      ## a wheel and an sdist in dist/, checked
	$(BIN)/pip install --quiet -c constraints.txt -e '.[release]'
	rm -rf dist && $(BIN)/python -m build --outdir dist && $(BIN)/twine check --strict dist/*

bench: setup     ## every figure of docs/figures.md
	$(BIN)/python -m benchmarks.overhead
	$(BIN)/python -m benchmarks.label_efficiency
	$(BIN)/python -m benchmarks.tasks
	$(BIN)/python -m benchmarks.memory
	$(BIN)/python -m benchmarks.pool_memory
	$(BIN)/python -m benchmarks.selection --workload a,b,d --limit 100
	$(BIN)/python -m benchmarks.rebenchmark
	$(BIN)/python -m benchmarks.strategies_on_tasks
	$(BIN)/python -m benchmarks.compare_rules
	$(BIN)/python -m benchmarks.stochastic_passes
	$(BIN)/python -m benchmarks.decode_cache
	$(BIN)/python -m benchmarks.label_quality --task digits --folds 4 --folds 8

slow: setup      ## the slow end-to-end tests
	$(TEST) -m slow

chaos: setup     ## kills at every point, power cuts, and every other fault there is a test for
	$(BIN)/python -m pytest -m 'sweep or not sweep' tests/test_resume.py tests/test_power_cuts.py tests/test_driver.py \
	    tests/test_faults.py tests/test_hands.py
	test ! -e .venv-label-studio/ready || $(MAKE) label-studio-test

label-studio: setup .venv-label-studio/ready ## a Label Studio in an environment of its own (1 GB)

.venv-label-studio/ready:
	test -x .venv-label-studio/bin/python || $(PYTHON) -m venv .venv-label-studio
	.venv-label-studio/bin/pip install --quiet label-studio==$(LABEL_STUDIO)
	$(BIN)/python -m tests.label_studio_server
	touch $@

label-studio-serve: label-studio ## that Label Studio at http://127.0.0.1:8080, kept in build/label-studio
	$(BIN)/python -m tests.label_studio_server --serve 8080

label-studio-test: label-studio ## the tests that need it
	$(BIN)/python -m pytest -m label_studio

clean:           ## remove .venv and caches; tracking data stays
	rm -rf .venv .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
