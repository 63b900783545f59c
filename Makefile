# Every command that people type; `make` alone lists them. `make demo` and `make test` set up what they need, once.

VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
# 3.11 first: one of the peers that the tests talk to (spyne) does not import on later ones.
PYTHON ?= $(shell for p in python3.11 python3 python3.12 python3.13 python3.14 python; do \
	"$$p" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo "$$p"; break; }; done)
# Three workers for two cores: tests wait more than they work. Files stay whole, so that a file's servers start once, and come as
# they are collected: by the number of their tests, the slowest ones would be the last, and one worker alone would end them.
JOBS ?= 3
PYTEST := -m pytest -n $(JOBS) --dist loadfile --no-loadscope-reorder
MINUTES ?= 15

# Hundreds of tests start a process of their own: each would compile every module anew where this is set.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help demo test test-long compiled lint generate bench soak canary lock clean

help:  ## this list
	@echo "make <target>:"
	@awk -F ':.*## ' '/^[a-z][a-z-]*:.*## / {printf "  %-10s  %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: $(READY)  ## the fragile box office, the sidecar before it and a shop page on a second origin
	$(BIN)/python -m sidecar demo

test: $(READY)  ## lint, the tests with reduced example counts, the coverage gate: at most 10 minutes on two cores
	@$(MAKE) --no-print-directory -j 2 lint compiled
	$(BIN)/coverage erase
	SIDECAR_EXAMPLES=quick $(BIN)/coverage run $(PYTEST) -m "not long"
	$(BIN)/coverage combine --quiet
	$(BIN)/python -m tests.house.coverage_gate

test-long: lint  ## everything, with the full example counts
	SIDECAR_EXAMPLES=full $(BIN)/python $(PYTEST)

# What pytest makes of each test file is kept: else all workers would each make it, at the same time.
compiled: $(READY)
	@$(BIN)/python -m pytest --collect-only -qq -m "not long" >/dev/null

lint: $(READY)  ## ruff, mypy --strict, the import contracts
	$(BIN)/ruff check --quiet .
	$(BIN)/ruff format --quiet --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

generate: $(READY)  ## write the files that are made by programs: states, schemas, types
	$(BIN)/python -m tests.house.generated

bench: $(READY)  ## cost per call against bare aiohttp and against peers, in one run
	$(BIN)/python -m bench

soak: $(READY)  ## mixed traffic with faults for MINUTES=15, then: did anything grow?
	$(BIN)/python -m bench.soak --minutes $(MINUTES)

# The listener uses hooks of aiohttp that no document promises; this looks ahead of the pin.
canary: .venv-canary/.ready  ## what we use of aiohttp beyond its documents, on the newest one, in a place of its own
	.venv-canary/bin/python -m pip install --quiet --disable-pip-version-check --upgrade --pre aiohttp
	.venv-canary/bin/python -c 'import aiohttp; print("aiohttp", aiohttp.__version__)'
	.venv-canary/bin/python -m pytest tests/listener tests/test_upstream.py tests/test_upstream_wire.py

lock: .venv-lock/.ready  ## resolve the locks anew (UPGRADE=--upgrade for newer versions), and the Node lock
	.venv-lock/bin/uv pip compile pyproject.toml --extra test --universal --python-version 3.11 --quiet $(UPGRADE) \
		--generate-hashes --no-header --no-annotate --no-emit-index-url --output-file requirements.lock
	.venv-lock/bin/uv pip compile pyproject.toml --universal --python-version 3.11 --quiet $(UPGRADE) \
		--constraint requirements.lock --generate-hashes --no-header --no-annotate --no-emit-index-url \
		--output-file requirements-run.lock
	echo hatchling | .venv-lock/bin/uv pip compile - --universal --python-version 3.11 --quiet --constraint requirements.lock \
		--generate-hashes --no-header --no-annotate --no-emit-index-url --output-file requirements-build.lock
	if command -v npm >/dev/null; then \
		cd tests/interop/node && npm install --package-lock-only --omit-lockfile-registry-resolved --no-audit --no-fund; fi

clean:  ## remove everything that was made here, the environments too
	rm -rf $(VENV) .venv-canary .venv-lock .coverage .coverage.* coverage.json htmlcov dist \
		.pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis tests/interop/node/node_modules
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# Without ensurepip (Debian splits it off) the environment is made without a pip and filled by the one outside.
%/.ready: requirements.lock pyproject.toml
	@test -n "$(PYTHON)" || { echo "no Python >= 3.11 on PATH; say which: make PYTHON=/path/to/python" >&2; exit 1; }
	@test -x $*/bin/python || $(PYTHON) -m venv $* 2>/dev/null || { rm -rf $*; $(PYTHON) -m venv --without-pip $*; }
	@echo "setting up $* from requirements.lock"
	@set -e; py="$(CURDIR)/$*/bin/python"; \
	if "$$py" -m pip --version >/dev/null 2>&1; then pip="$$py -m pip"; else pip="$(PYTHON) -m pip --python $$py"; fi; \
	pip="$$pip --disable-pip-version-check --quiet"; \
	$$pip install --require-hashes -r requirements.lock; \
	$$pip install --no-deps --no-build-isolation -e .
	@touch $@

# uv resolves for all platforms at once; nothing of the project is installed beside it.
.venv-lock/.ready:
	$(PYTHON) -m venv .venv-lock
	.venv-lock/bin/python -m pip install --quiet --disable-pip-version-check uv
	@touch $@
