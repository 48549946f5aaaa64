# Each target sets itself up: a virtual environment in .venv, made once and made again when what it is
# built from changes. uv for speed, plain pip where that fails. Nothing outside this folder is touched.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
TEST_WORKERS ?= 2
SEED ?= 0
ONLY ?=
COMMIT ?= HEAD~1
# Many tests start an interpreter of their own: each would compile all that it imports, 10 s of it.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: install demo test test-slow fuzz golden lint format type bench clean

install: $(READY)

$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "refine needs Python 3.11 or newer; $(PYTHON) is $$($(PYTHON) --version). Try: make PYTHON=python3.12 $(MAKECMDGOALS)" >&2; exit 2; }
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check uv \
	  && UV_SYSTEM_CERTS=1 UV_NATIVE_TLS=1 VIRTUAL_ENV=$(CURDIR)/$(VENV) $(BIN)/uv pip install --quiet --constraint constraints.txt --editable '.[dev]' \
	  || $(BIN)/python -m pip install --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
	@touch $@

demo: $(READY)
	$(BIN)/python scripts/demo.py

test: $(READY)
	$(BIN)/python -m pytest -n $(TEST_WORKERS) --dist worksteal -m "not slow"

test-slow: $(READY)
	$(BIN)/python -m pytest -m slow

fuzz: $(READY)
	$(BIN)/python -m tests.fuzz.run --seed $(SEED) $(if $(ONLY),--only $(ONLY))

golden: $(READY)
	$(BIN)/python -m tests.golden --against $(COMMIT) --half-finished

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports --no-logo --no-cache

format: $(READY)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

type: $(READY)
	$(BIN)/mypy

bench: $(READY)
	$(BIN)/python scripts/bench_apply.py
	$(BIN)/python scripts/bench_train.py
	$(BIN)/python scripts/bench_read.py --steps 60
	$(BIN)/python scripts/bench_read.py --list 100000
	$(BIN)/python scripts/bench_metrics.py

clean:
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache
