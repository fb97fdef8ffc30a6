# The front door. `make demo` shows it, `make test` proves it; both do all of their own set-up on a
# Debian or Ubuntu with root and Python 3.11 or newer. CI calls the same targets.

.DEFAULT_GOAL := help
.NOTPARALLEL:
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory
# pytest keeps the tests as it has compiled them, or each of its processes would do that again.
unexport PYTHONDONTWRITEBYTECODE

# The first Python that is new enough; `make PYTHON=python3.13` asks for another.
PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11; do \
	command -v $$p >/dev/null 2>&1 && $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 \
	&& { echo $$p; break; }; done)
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.supervice-stamp

BASE ?= python:3.13-slim
IMAGE ?= supervice:dev

# The default base first: the others are left out where they cannot be had (see docker/with-engine.sh).
export SUPERVICE_TEST_BASES ?= $(BASE) $(filter-out $(BASE),python:3.13-slim python:3.11-slim python:3.14-slim)

WITH_ENGINE = docker/with-engine.sh
WITH_BROWSER = docker/with-browser.sh
# For what needs no more than the one base image.
WITH_IMAGE = SUPERVICE_TEST_BASES='$(BASE)' docker/with-engine.sh
PYTEST = $(BIN)/python -m pytest
# Ends with 3 where the bundle cannot be built, and says why: images are made of a virtual environment then.
BUNDLE = $(BIN)/python docker/bundle/build.py
TRY_BUNDLE = $(BUNDLE) || test $$? = 3
RINGS = $(wildcard tests/unit tests/process tests/container tests/browser)

.PHONY: help
help:  ## this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' $(firstword $(MAKEFILE_LIST)) | expand -t 20

.PHONY: venv
venv: $(STAMP)  ## .venv with supervice and what its tests need
	@:

# Debian and Ubuntu split venv off Python; a .venv whose Python has gone is made anew.
$(STAMP): pyproject.toml
	@test -n '$(PYTHON)' || { echo 'make: no Python 3.11 or newer in PATH (python3, python3.11 ... python3.14)' >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
		test "$$(id -u)" = 0 && command -v apt-get >/dev/null || { echo 'make: $(PYTHON) has no venv; install python3-venv' >&2; exit 1; }; \
		apt-get update -qq; \
		export DEBIAN_FRONTEND=noninteractive; \
		apt-get install -y -qq --no-install-recommends ca-certificates "$$($(PYTHON) -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])')" >/dev/null \
		|| apt-get install -y -qq --no-install-recommends ca-certificates python3-venv >/dev/null; }
	@$(BIN)/python -c '' 2>/dev/null || rm -rf $(VENV)
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check 'pip>=25.1'
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --group dev -e .
	@touch $@

.PHONY: lint
lint: venv  ## ruff: rules and format; actionlint and zizmor: the workflows
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/zizmor --offline --quiet .github
	@$(ACTIONLINT)

# A program in Go, built with the Go that is here; without one it is left out, and this says so.
ACTIONLINT_VERSION = v1.7.7
ACTIONLINT = set -e; tool=build/tools/actionlint-$(ACTIONLINT_VERSION)/actionlint; \
	test -x $$tool || GOBIN=$(CURDIR)/$${tool%/*} go install github.com/rhysd/actionlint/cmd/actionlint@$(ACTIONLINT_VERSION) \
		>/dev/null 2>&1 || { echo 'make: actionlint is left out: it takes Go and its module proxy' >&2; exit 0; }; \
	echo $$tool; $$tool

.PHONY: types
types: venv  ## mypy --strict, over tests, tools and examples too
	$(BIN)/mypy
	@for folder in docker/bundle $$(find examples -name '*.py' -printf '%h\n' | sort -u); do \
		echo "$(BIN)/mypy $$folder/*.py"; MYPYPATH=$$folder $(BIN)/mypy $$folder/*.py || exit 1; done

.PHONY: unit
unit: venv  ## tests without fork and without sleep
	$(PYTEST) tests/unit

.PHONY: process
process: venv  ## tests with real child processes
	@$(TRY_BUNDLE)
	$(PYTEST) tests/process

.PHONY: container
container: venv  ## tests of the image, in containers
	@$(TRY_BUNDLE)
	$(WITH_ENGINE) $(PYTEST) tests/container

# `make browser IMAGES=docs/images` writes the pictures of the documentation anew.
.PHONY: browser
browser: venv  ## tests of the page, in a real browser
	$(if $(IMAGES),SUPERVICE_TEST_IMAGES='$(IMAGES)') $(WITH_BROWSER) $(PYTEST) tests/browser

# `make test WORKERS=0` runs one test after the other. Most tests of containers wait most of the time: four
# workers have work for two cores.
WORKERS ?= 4
# One run of pytest for all rings, so that one failing ring does not hide the next one's
# result and the last line counts them all. A worker has all tests of a file, the long files first (tests/order.py).
# `make test AGAIN=1`, for a machine that others work on too, runs what has failed once more, alone.
AGAIN ?=
ONCE_MORE = || { echo 'make: what failed runs once more, alone; a test that passes only now has a race to be found' >&2; \
	$(WITH_BROWSER) $(WITH_ENGINE) $(PYTEST) --last-failed --last-failed-no-failures none $(RINGS); }
.PHONY: rings
rings: venv  ## the rings of tests
	@$(BIN)/python -m compileall -q supervice  # or a turn of the loop compiles what it imports
	@$(TRY_BUNDLE)
	$(WITH_BROWSER) $(WITH_ENGINE) $(PYTEST) -n $(WORKERS) --dist loadfile --no-loadscope-reorder --durations=20 $(RINGS) $(if $(AGAIN),$(ONCE_MORE))

.PHONY: checks
checks: lint types site  ## lint, types and the site

# The checks and the fuzzing run beside the tests, which go first; what they say is shown at the end.
CHECKED = build/checks.log
FUZZED = build/fuzzed.log
.PHONY: test
test: venv  ## everything: lint, types, the rings of tests, and random input for the parsers
	@mkdir -p build; (exec $(MAKE) checks >$(CHECKED) 2>&1) & checks=$$!; \
	(exec nice -n 5 $(MAKE) fuzz-each >$(FUZZED) 2>&1) & fuzz=$$!; \
	trap 'kill $$checks $$fuzz' INT TERM; \
	$(MAKE) rings; rings=$$?; \
	wait $$checks; checks=$$?; \
	wait $$fuzz; fuzz=$$?; \
	cat $(CHECKED); \
	if test $$fuzz = 0; then tail -n 1 $(FUZZED); else cat $(FUZZED); fi; \
	test $$rings$$checks$$fuzz = 000

# The kubelet is built once, in minutes, and kept below KUBE; see tests/kubelet/node.sh.
KUBE ?= /var/tmp/supervice-kubelet
.PHONY: kubelet
kubelet: venv  ## pods under a real kubelet without a cluster: probes, the end, rights, memory, ConfigMaps
	@$(TRY_BUNDLE)
	@test "$$(id -u)" != 0 || KUBE=$(KUBE) tests/kubelet/node.sh build
	$(WITH_ENGINE) env SUPERVICE_TEST_KUBE=$(KUBE) $(PYTEST) tests/kubelet

.PHONY: podman
podman: venv  ## containers of podman, of root's and of a user's without rights
	@$(TRY_BUNDLE)
	@test "$$(id -u)" != 0 || tests/podman/setup.sh
	$(WITH_ENGINE) $(PYTEST) tests/podman

# Daemons, commands and forked children count (pyproject.toml); what runs in containers does not.
COVERAGE = $(BIN)/python -m coverage
.PHONY: coverage
coverage: venv  ## which branches of supervice the unit and process rings run, into .coverage.d/report.txt
	rm -rf .coverage.d && mkdir .coverage.d && chmod 1777 .coverage.d
	$(COVERAGE) run -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder --hypothesis-seed=0 tests/unit tests/process; code=$$?; \
	$(COVERAGE) combine --quiet && $(COVERAGE) report --fail-under=0 --show-missing >.coverage.d/report.txt \
	&& $(BIN)/python -m tools.coverage_floor .coverage.d/report.txt && exit $$code

.PHONY: docs
docs: venv  ## write the generated parts of the documentation anew
	$(BIN)/python -m tools.option_reference docs/configuration.md
	$(BIN)/python -m tools.migration_table docs/migrating-from-supervisord.md
	$(BIN)/python -m tools.state_diagram docs/state-machine.md
	$(BIN)/python -m tools.supervicectl_reference docs/supervicectl.md
	$(BIN)/python -m tools.command_line docs/command-line.md
	$(BIN)/python -m tools.metrics_table docs/metrics.md
	$(BIN)/python -m tools.man_pages docs/man
	$(BIN)/python -m tools.help_page supervice/cli/help_page.py
	$(MAKE) site

# NO_MKDOCS_2_WARNING: what its makers say about its next version is no warning about a page of ours.
.PHONY: site
site: venv  ## build the documentation as a site, into build/site; a broken link is an error
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet --strict

# `make bundle ARCH='amd64 arm64'` for both. The interpreter in it is built once, in minutes; see docker/bundle.
ARCH ?= own
.PHONY: bundle
bundle: venv  ## build the static bundle for images without Python, into build/bundle
	@set -e; for arch in $(ARCH); do $(BUNDLE) $$(test $$arch = own || echo --arch $$arch); done

# The same commit gives the same bytes. With TAG=vX.Y.Z it has to be whole: both architectures, the image on its base,
# a section of CHANGELOG.md.
.PHONY: release
release: venv  ## make everything that is published, from a clean tree, into release/
	$(BIN)/python -m tools.release $(if $(TAG),--tag $(TAG)) $(if $(filter-out own,$(ARCH)),--arch $(ARCH))

# `make publish TAG=v1.2.3 IMAGE_REPOSITORY=ghcr.io/owner/name DRY=1` prints what it would do.
.PHONY: publish
publish: venv  ## push, sign and announce what `make release` has made
	@test -n '$(TAG)' -a -n '$(IMAGE_REPOSITORY)' || { echo 'make: publish takes TAG=vX.Y.Z and IMAGE_REPOSITORY=HOST/NAME' >&2; exit 1; }
	$(BIN)/python -m tools.release.publish --tag $(TAG) --repository $(IMAGE_REPOSITORY) $(if $(DRY),--dry-run)

.PHONY: image
image: venv  ## build the image supervice:dev
	$(WITH_IMAGE) docker/image.sh $(IMAGE) $(BASE)

.PHONY: examples
examples: image  ## build the examples that are images
	$(WITH_IMAGE) sh -euc 'for file in examples/*/Dockerfile; do dir=$${file%/Dockerfile}; \
		docker build --build-arg BASE=$(IMAGE) -t supervice-example-$${dir#examples/}:dev $$dir; done'

# Only where no engine can be had (or with DEMO=namespace) the demo needs an installation here.
.PHONY: demo
demo: venv  ## watch a container with nginx, a web application and Redis live, crash, recover and stop
	@test -n '$(PYTHON)' || { echo 'make: no Python 3.11 or newer in PATH (python3, python3.11 ... python3.14)' >&2; exit 1; }
	@engine=0; test '$(DEMO)' = namespace || $(WITH_IMAGE) $(PYTHON) docker/demo.py --image $(IMAGE) --base $(BASE) container || engine=$$?; \
	if test '$(DEMO)' = namespace || test $$engine = 3; then $(MAKE) venv && $(PYTHON) docker/demo.py --bin $(BIN) namespace; else exit $$engine; fi

# `make bench RUNS=5 BENCH='start memory'` measures those groups only, PEERS='supervice s6 pm2' those peers; BEFORE=COMMIT
# takes that commit of supervice as one more peer, and leaves the page alone. What is not measured anew stays in the page.
# Alone on the machine, please: it takes twenty minutes, and half a minute to install.
RUNS ?= 3
.PHONY: bench
bench: venv  ## measure supervice beside its peers, into docs/benchmarks.md
	$(BIN)/python -m tests.benchmarks --install --runs $(RUNS) $(if $(PEERS),--peers $(PEERS)) $(if $(BEFORE),--before $(BEFORE)) \
		$(if $(BEFORE),--json .bench/before.json,--json .bench/results.json --write docs/benchmarks.md) -- $(BENCH)

# The figures that are kept are those of docs/benchmarks.md; `make bench-keep` keeps the last ones of `make bench`.
KEPT = tests/benchmarks/kept.json
.PHONY: bench-compare
bench-compare: venv  ## measure, and fail when a figure is a tenth worse beside the peers than the one that is kept
	$(BIN)/python -m tests.benchmarks --install --runs $(RUNS) $(if $(PEERS),--peers $(PEERS)) --json .bench/compared.json -- $(BENCH)
	$(BIN)/python -m tests.benchmarks.compare .bench/compared.json $(KEPT)

.PHONY: bench-keep
bench-keep:  ## keep the figures of the last `make bench`, for `make bench-compare`
	cp .bench/results.json $(KEPT)

# `make soak SOAK=60s` is a short one.
SOAK ?= 30m
.PHONY: soak
soak: venv  ## half an hour of trouble for one daemon in a container with limits: does anything grow?
	$(WITH_IMAGE) $(BIN)/python -m tests.soak --box --seconds $(SOAK)

# `make chaos SECONDS=600 SEED=1 CLIENTS=30`: the seed of a storm is printed, and makes the same choices again.
SECONDS ?= 120
CLIENTS ?= 30
.PHONY: chaos
chaos: venv  ## storms of clients, kills, pauses and shortages for PID 1 of a container: does it keep its word?
	@$(TRY_BUNDLE)
	$(WITH_ENGINE) $(BIN)/python -m tests.chaos --seconds $(SECONDS) --clients $(CLIENTS) $(if $(SEED),--seed $(SEED))

# `make mutants MUTANTS=supervice/watch` takes those files only. All of them take an hour of CPU; see tests/README.
.PHONY: mutants
mutants: venv  ## change what decides in one place after the other: which changes does no unit test notice?
	$(BIN)/python -m tools.mutants $(MUTANTS)

# `make test` takes 500 of each.
CASES ?= 100000
.PHONY: cases
cases: venv  ## random schedules, clocks and watched files against the calendar, 100,000 of each
	SUPERVICE_TEST_SCHEDULE_CASES=$(CASES) $(PYTEST) tests/unit/schedules tests/unit/watch

# `make fuzz FUZZ_SECONDS=60 FUZZ='http xml'` is a short one of two targets. There is no atheris for every Python and processor.
FUZZ_SECONDS ?= 3600
.PHONY: fuzz
fuzz: venv  ## an hour of random input for what reads foreign bytes, with atheris where it can be had
	@$(BIN)/python -c 'import atheris' 2>/dev/null \
	|| $(BIN)/python -m pip install --quiet --disable-pip-version-check --only-binary atheris --group fuzz \
	|| echo 'make: there is no atheris for this Python; property tests alone' >&2
	$(BIN)/python -m tests.fuzz --seconds $(FUZZ_SECONDS) $(FUZZ)

# `make test` does this beside its tests; it takes no atheris.
FUZZ_EACH ?= 20
.PHONY: fuzz-each
fuzz-each: venv
	$(BIN)/python -m tests.fuzz --each $(FUZZ_EACH) --kind properties \
		$(or $(FUZZ),frames http xml configuration notifications schedules logs)

# `make conformance SCENARIOS='stop restart'` tries those and leaves the other rows as they are. Peers that are no packages
# are built once, in minutes, below SUPERVICE_PEERS (/var/tmp/supervice-peers).
.PHONY: conformance
conformance: venv  ## try out what users of supervisors complain of, beside the peers, into docs/conformance.md
	@$(TRY_BUNDLE)
	$(BIN)/python -m tests.conformance --install --json .bench/conformance.json --write docs/conformance.md -- $(SCENARIOS)

.PHONY: clean
clean:  ## remove what the other targets made here (not the engine, not its images)
	rm -rf $(VENV) .bench .coverage.d build dist release *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -not -path './.git/*' -prune -exec rm -rf {} +
