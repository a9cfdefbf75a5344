# Every target first sets up its environment (.venv); later calls reuse it.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
FRAMEWORKS := .venv-frameworks
OLDEST := .venv-oldest
NEWEST := .venv-newest
LOWER_BOUNDS := import tomllib; print(*tomllib.load(open("pyproject.toml", "rb"))["project"]["dependencies"], sep="\n")

.DEFAULT_GOAL := help
.PHONY: help demo check test test-all test-oldest lint wheel bench fuzz mutants golden judge man clean

help:  ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

$(VENV)/.installed: pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "rnncli needs Python 3.11 or newer: make PYTHON=python3.12")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	$(BIN)/python -m compileall -q rnncli
	@touch $@

$(FRAMEWORKS)/.installed: pyproject.toml
	$(PYTHON) -m venv $(FRAMEWORKS)
	$(FRAMEWORKS)/bin/python -m pip install --quiet --disable-pip-version-check --editable '.[test]' keras torch onnx onnxruntime safetensors torchinfo thop fvcore setuptools
	@touch $@

$(OLDEST)/.installed: pyproject.toml
	"$$($(PYTHON) tests/pythons.py oldest)" -m venv --clear $(OLDEST)
	$(PYTHON) -c '$(LOWER_BOUNDS)' | sed 's/>=/==/' > $(OLDEST)/constraints.txt
	$(OLDEST)/bin/python -m pip install --quiet --disable-pip-version-check --constraint $(OLDEST)/constraints.txt --editable '.[test]'
	@touch $@

$(NEWEST)/.installed: pyproject.toml
	"$$($(PYTHON) tests/pythons.py newest)" -m venv --clear $(NEWEST)
	$(NEWEST)/bin/python -m pip install --quiet --disable-pip-version-check --upgrade --editable '.[test]'
	@touch $@

demo: $(VENV)/.installed  ## Set up, then show a network and run it
	$(BIN)/rnncli summary embed:10000x32,rnn:32:seq,rnn:32
	$(BIN)/rnncli forward embed:10000x32,rnn:32:seq,rnn:32 --timesteps 100

check: $(VENV)/.installed  ## Check style, types and the tests that a change affects (seconds; minutes the first time)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m pytest --quiet --testmon -n auto

test: $(VENV)/.installed  ## Run the tests (about a minute on two cores)
	$(BIN)/python -m pytest -n auto --dist worksteal

test-all: $(VENV)/.installed  ## Run all tests with all examples of their properties (minutes)
	$(BIN)/python -m pytest --thorough -n auto --dist worksteal

test-oldest: $(OLDEST)/.installed $(NEWEST)/.installed  ## Run the tests on the oldest Python and libraries and on the newest Python (minutes)
	@for environment in $(OLDEST) $(NEWEST); do \
	  $$environment/bin/python -V; \
	  $$environment/bin/python -m pip freeze --disable-pip-version-check | grep -E '^(click|numpy|rich)='; \
	  $$environment/bin/python -m pytest --thorough -n auto --dist worksteal || exit 1; \
	done

lint: $(VENV)/.installed  ## Check style (ruff) and types (mypy)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

wheel: $(VENV)/.installed  ## Build the wheel and try it in an empty environment
	rm -rf dist
	$(BIN)/python -m build --wheel --outdir dist
	sh tests/wheel.sh $(PYTHON) dist/*.whl

bench: $(FRAMEWORKS)/.installed $(VENV)/.installed  ## Measure start-up, model files, sweeps and engine against their peers
	$(BIN)/python tests/benchmarks/startup.py
	$(BIN)/python tests/benchmarks/model_files.py
	KERAS_BACKEND=torch $(FRAMEWORKS)/bin/python tests/benchmarks/sweep.py
	env -u OPENBLAS_CORETYPE -u OPENBLAS_L2_SIZE $(BIN)/python tests/benchmarks/both_ways.py
	OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 $(FRAMEWORKS)/bin/python tests/benchmarks/c_steps.py
	for backend in torch jax tensorflow; do \
	  if $(FRAMEWORKS)/bin/python -c "import $$backend" 2>/dev/null; then \
	    env -u OPENBLAS_CORETYPE -u OPENBLAS_L2_SIZE KERAS_BACKEND=$$backend TF_CPP_MIN_LOG_LEVEL=3 PYTHONPATH=tests \
	      $(FRAMEWORKS)/bin/python tests/benchmarks/engine.py || exit 1; \
	  fi; \
	done

fuzz: $(VENV)/.installed  ## Try damaged specs, command lines and files for ten minutes (or SECONDS=60 SEED=7)
	$(BIN)/python tests/fuzz --seconds $(or $(SECONDS),600) $(if $(SEED),--seed $(SEED))

mutants: $(VENV)/.installed  ## Plant mistakes in the code and report those that no test finds (hours; or COUNT=10 SEED=2)
	$(BIN)/python tests/mutants.py $(if $(COUNT),--count $(COUNT)) $(if $(SEED),--seed $(SEED))

golden: $(FRAMEWORKS)/.installed  ## Regenerate the golden values with Keras and PyTorch (or those of one kind: KIND=lstm)
	KERAS_BACKEND=torch $(FRAMEWORKS)/bin/python tests/golden/make.py $(KIND)
	for script in $(if $(KIND),,model_files keras_files onnx_files onnx_exports trained_file reaches source_texts torch_exports keras_weight_layouts saved_tensors starts signatures other_tools); do \
	  KERAS_BACKEND=torch $(FRAMEWORKS)/bin/python tests/golden/$$script.py || exit 1; \
	done

judge: $(FRAMEWORKS)/.installed $(VENV)/.installed  ## Compare thousands of random networks, their files and exports with Keras and PyTorch
	KERAS_BACKEND=torch $(FRAMEWORKS)/bin/python tests/golden/judge.py
	KERAS_BACKEND=torch $(FRAMEWORKS)/bin/python tests/golden/judge_files.py
	KERAS_BACKEND=torch $(FRAMEWORKS)/bin/python tests/golden/judge_sources.py
	KERAS_BACKEND=torch $(FRAMEWORKS)/bin/python tests/golden/saved_tensors.py --judge 1000
	KERAS_BACKEND=torch $(FRAMEWORKS)/bin/python tests/golden/keras_table.py
	KERAS_BACKEND=torch $(FRAMEWORKS)/bin/python tests/golden/judge_exports.py --ruff $(BIN)/ruff
	for backend in jax tensorflow; do \
	  if $(FRAMEWORKS)/bin/python -c "import $$backend" 2>/dev/null; then \
	    KERAS_BACKEND=$$backend $(FRAMEWORKS)/bin/python tests/golden/judge_exports.py --to keras --ruff $(BIN)/ruff || exit 1; \
	  fi; \
	done

man: $(VENV)/.installed  ## Regenerate the manual page from the commands
	$(BIN)/python -m pytest --quiet --rewrite-screens tests/test_manual.py

clean:  ## Remove everything that make has created
	rm -rf $(VENV) $(FRAMEWORKS) $(OLDEST) $(NEWEST) dist build .pytest_cache .mypy_cache .ruff_cache .hypothesis .testmondata*
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
