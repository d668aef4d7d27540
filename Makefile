# What a person runs here. Everything is installed into the virtual environment
# .venv of this checkout, at the versions of constraints.txt, and nowhere else.
#
#   make demo     train the lab's network; pictures, weights and a page to play with go to out/
#   make test     run the whole test suite
#   make soak     run random programs: make soak SECONDS=60 SEED=0
#   make docs     build the site: course, guides, reference; it goes to out/site/
#   make bench    measure against hand-written NumPy, PyTorch and others
#
# An environment is made with the first of python3, python3.14 … python3.11 and
# python that is new enough; `make demo PYTHON=/path/to/python` chooses another.

VENV   := .venv
RUN    := $(VENV)/bin/python
OLDEST := $(VENV)/oldest-numpy
RELEASE := $(VENV)/release
OUT    ?= out
SECONDS ?= 60
SEED   ?= 0
MAKEFLAGS += --no-print-directory

ENGINE_TESTS := tests/test_backward.py tests/test_indexed.py tests/test_micrograd.py \
    tests/test_operation.py tests/calculus/test_variations.py \
    tests/test_tape.py tests/test_tensor.py tests/test_transforms.py tests/test_transforms_all.py \
    tests/calculus/test_complex.py tests/calculus/test_coverage.py tests/calculus/test_table.py

# One thread for each worker of the test suite: its arrays are small.
export OMP_NUM_THREADS ?= 1

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help demo test test-oldest soak docs bench dist lint types format clean setup setup-dev setup-bench setup-docs

help:
	@sed -n 's/^#   //p' $(firstword $(MAKEFILE_LIST))
	@echo "make lint     check the style (ruff)"
	@echo "make format   mend the style (ruff)"
	@echo "make types    check the types (mypy)"
	@echo "make dist     build what an index takes into dist, and check it"
	@echo "make clean    remove $(VENV), out and every cache"

demo: setup
	@echo "→ python -m demos lab --animation --out $(OUT)"
	@$(RUN) -m demos lab --animation --out "$(OUT)"
	@echo
	@echo "→ python -m demos playground --out $(OUT)"
	@$(RUN) -m demos playground --out "$(OUT)"

test: setup-dev
	@echo "→ pytest"
	@$(RUN) -m pytest -n auto --dist loadgroup $(ARGS)

# The oldest NumPy that pyproject.toml admits, in an environment of its own.
test-oldest: $(OLDEST)/installed
	@echo "→ pytest, with the oldest NumPy"
	@$(OLDEST)/bin/python -m pytest -n auto --dist loadgroup -m "not torch" $(ENGINE_TESTS) $(ARGS)

$(OLDEST)/installed: pyproject.toml constraints.txt | $(RUN)
	@echo "→ installing the engine and NumPy 2.0 into $(OLDEST)"
	@$(RUN) -m venv --clear $(OLDEST)
	@grep -v '^numpy==' constraints.txt > $(OLDEST)/constraints.txt
	@$(OLDEST)/bin/python -m pip install -qq --disable-pip-version-check \
	    --constraint $(OLDEST)/constraints.txt "numpy==2.0.*" hypothesis pytest pytest-xdist
	@touch $@

# Random programs against numerical derivatives; those that fail are printed, made small.
soak: setup-dev
	@echo "→ python -m tests.soak --seconds $(SECONDS) --seed $(SEED)"
	@$(RUN) -m tests.soak --seconds $(SECONDS) --seed $(SEED)

# Whatever warns fails: a broken link, a name without a docstring, a lesson that does not run.
docs: setup-docs
	@mkdir -p "$(OUT)"
	@echo "→ python -m demos report --quick"
	@$(RUN) -m demos report --quick --out "$(OUT)/extra" > "$(OUT)/extra.log" \
	    || { cat "$(OUT)/extra.log"; exit 1; }
	@echo "→ sphinx; the site goes to $(OUT)/site"
	@$(RUN) -m sphinx --quiet --fail-on-warning --keep-going --jobs auto \
	    -D html_extra_path="$(abspath $(OUT))/extra" -b html docs "$(OUT)/site"
	@echo "→ open $(OUT)/site/index.html"

bench: setup-bench
	@echo "→ python -m benchmarks"
	@$(RUN) -m benchmarks $(ARGS)

# The distribution: the wheel is built from the sdist, and is the one that the checkout gives;
# installed with NumPy alone it imports, and brings no demos or tests.
dist: $(RELEASE)/installed
	@echo "→ building the distribution into dist"
	@rm -rf dist $(RELEASE)/direct
	@$(RELEASE)/bin/python -m build --outdir dist . > $(RELEASE)/log || { cat $(RELEASE)/log; exit 1; }
	@$(RELEASE)/bin/python -m build --wheel --outdir $(RELEASE)/direct . > $(RELEASE)/log
	@cmp dist/*.whl $(RELEASE)/direct/*.whl
	@$(RELEASE)/bin/twine check --strict dist/*
	@$(RELEASE)/bin/check-wheel-contents dist/*.whl
	@$(RUN) -m venv --clear $(RELEASE)/installed-alone
	@$(RELEASE)/installed-alone/bin/python -m pip install -qq --disable-pip-version-check \
	    --constraint constraints.txt dist/*.whl
	@cd / && $(abspath $(RELEASE))/installed-alone/bin/python -I -c "import importlib.util as u, nn, \
	autograd_lite as a; a.grad(a.Tensor.tanh)(1.0); assert not u.find_spec('demos')"

$(RELEASE)/installed: pyproject.toml constraints.txt | $(RUN)
	@echo "→ installing build, twine and check-wheel-contents into $(RELEASE)"
	@$(RUN) -m venv --clear $(RELEASE)
	@$(RELEASE)/bin/python -m pip install -qq --disable-pip-version-check \
	    --constraint constraints.txt build twine check-wheel-contents
	@touch $@

lint: setup-dev
	@echo "→ ruff"
	@$(RUN) -m ruff check .
	@$(RUN) -m ruff format --check .

format: setup-dev
	@$(RUN) -m ruff check --fix .
	@$(RUN) -m ruff format .

types: setup-dev
	@echo "→ mypy"
	@$(RUN) -m mypy

clean:
	rm -rf $(VENV) out build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# -- set-up -------------------------------------------------------------------------
# A stamp in .venv says that an extra is installed as pyproject.toml and
# constraints.txt ask; while they are older than the stamp, there is nothing to do.

setup: $(VENV)/installed-all
setup-dev: $(VENV)/installed-dev
setup-bench: $(VENV)/installed-bench
setup-docs: $(VENV)/installed-docs

# Each extra adds to the one before, in one environment.
$(VENV)/installed-dev: | $(VENV)/installed-all
$(VENV)/installed-bench $(VENV)/installed-docs: | $(VENV)/installed-dev

$(VENV)/installed-%: pyproject.toml constraints.txt | $(RUN)
	@echo "→ installing autograd_lite[$*] into $(VENV); the first time, this takes a minute"
	@$(RUN) -m pip install -qq --disable-pip-version-check \
	    --constraint constraints.txt --editable '.[$*]'
	@touch $@

$(RUN):
	@for python in $(or $(PYTHON),python3 python3.14 python3.13 python3.12 python3.11 python); do \
	    version=$$("$$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null) \
	        || continue; \
	    found="$$found $$python is $$version;"; \
	    case $$version in 2.*|3.[0-9]|3.10) continue;; esac; \
	    echo "→ making $(VENV) with $$python ($$version)"; \
	    "$$python" -m venv --clear $(VENV) && exit 0; \
	    rm -rf $(VENV); \
	    echo "make: $$python cannot make a virtual environment (on Debian: apt install python3-venv)." >&2; \
	    exit 1; \
	done; \
	echo "make: Python 3.11 or newer is needed;$${found:- none was found;} install one, or name it: make demo PYTHON=/path/to/python3.11" >&2; \
	exit 1
