# Everything starts from a machine with Python 3.11 or newer. `make demo` and `make test` set up
# what they need; the other targets are parts of them.

VENV   ?= .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/.ready
PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11 python; do \
            $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)

FILES_AT_ONCE ?= $(shell n=$$(nproc); echo $$(( n < 8 ? n : 8 )))

# PyTorch's own index of CPU builds: taken where there is no NVIDIA driver and it can be reached.
TORCH_CPU_INDEX ?= https://download.pytorch.org/whl/cpu
TORCH := $(shell sed -n 's/^\(torch\|torchvision\)==/&/p' constraints.txt)
PIP   := PIP_DISABLE_PIP_VERSION_CHECK=1 $(BIN)/python -m pip install --quiet --no-compile -c constraints.txt

# Every job is a fresh process: without the bytecode each would compile every module anew.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: browser demo test test-gpu check lint types walls gate setup bench bench-gpu clean

demo: setup
	$(BIN)/python -m runner train --watchdog 600

# As many files at a time as there are processors: some tests hold times against each other.
test: check browser
	$(BIN)/python -m pytest -q -n $(FILES_AT_ONCE) --dist loadfile --no-loadscope-reorder

test-gpu: setup
	$(BIN)/python -m pytest -m gpu -rs

check: setup
	@$(MAKE) --no-print-directory --jobs 2 --output-sync=target types gate lint walls

lint: setup
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

types: setup
	$(BIN)/mypy

walls: setup
	$(BIN)/lint-imports

# Whether a configuration takes more memory than when the file was written.
gate: setup
	$(BIN)/python -m runner profile --gate docs/results/memory-gate.json

# The tests of the pages need a browser: root of a Debian or Ubuntu gets theirs; elsewhere those tests
# are skipped, and say so.
browser:
	@if command -v chromium >/dev/null || command -v google-chrome >/dev/null || \
	    command -v chromium-browser >/dev/null || [ -n "$$CHROMIUM" ]; then :; \
	elif [ "$$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then \
	  echo "no Chromium: the tests that look at pages are skipped (on Debian: apt install chromium)"; \
	else \
	  echo "installing chromium, for the tests that look at pages"; \
	  export DEBIAN_FRONTEND=noninteractive; \
	  get() { timeout 300 apt-get -qq -o Dpkg::Use-Pty=0 "$$@" >/dev/null 2>&1; }; \
	  get install -y --no-install-recommends chromium || \
	    { get update && get install -y --no-install-recommends chromium; } || \
	    echo "chromium could not be installed: the tests that look at pages are skipped"; \
	fi

setup: $(READY)

$(READY): pyproject.toml constraints.txt
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed; name one with: make PYTHON=/path/to/python" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV) || { echo "the venv module is missing (on Debian: apt install python3-venv)" >&2; exit 1; }
	@if [ ! -e /proc/driver/nvidia/version ] && [ ! -e /dev/nvidiactl ] && \
	    $(BIN)/python -c 'import sys, urllib.request as u; u.urlopen(sys.argv[1] + "/torch/", timeout=5)' \
	    $(TORCH_CPU_INDEX) 2>/dev/null; then \
	  echo "no NVIDIA driver: taking the CPU build of torch from $(TORCH_CPU_INDEX)"; \
	  $(PIP) --extra-index-url $(TORCH_CPU_INDEX) $(TORCH); \
	fi
	$(PIP) $(TORCH)
	$(PIP) -e '.[dev]'
	@touch $@

bench: setup
	$(BIN)/python -m tests.bench

bench-gpu: setup
	$(BIN)/python -m tests.bench --gpu

clean:
	rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache
