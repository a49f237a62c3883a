# `make run` serves, `make test` checks everything, `make bench` measures; all set up what they need.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: run run-several test coverage test-fast torture matrix check format docs bench bench-knowledge clean

run: .venv/runtime
	@PARLANCE_PREPARES=1 PARLANCE_ANNOUNCES=1 exec $(BIN)/gunicorn --config config/gunicorn.conf.py

# Two servers behind nginx with a PostgreSQL and a Redis, to look at: docs/several-servers.md.
run-several: .venv/runtime
	@config/try-several.sh

# Three processes keep two cores busy: tests wait half of their time. What measures times runs two at a time, and what
# loads the machine alone (tests/README.md). With COVERAGE=1 the first group also counts which lines of app/ have run,
# which takes half as long again; what measures times always goes without.
PYTEST := -m pytest --dist loadfile --no-loadscope-reorder
UNTIMED := -n 3 -m "not timed and not alone"
# What the wires promise, once more with a PostgreSQL of the tests' own. (The stores' tests have both at once.)
ON_POSTGRESQL := tests/wires/test_every_wire.py tests/wires/test_guarantees.py

test: check
	$(if $(COVERAGE),$(BIN)/coverage erase)
	$(BIN)/$(if $(COVERAGE),coverage run,python) $(PYTEST) $(UNTIMED)
	PARLANCE_TEST_DATABASE=postgresql $(BIN)/python $(PYTEST) $(UNTIMED) $(ON_POSTGRESQL)
	$(BIN)/python $(PYTEST) -n 2 -m timed
	$(BIN)/python $(PYTEST) -m alone
	$(if $(COVERAGE),$(BIN)/coverage combine --quiet)
	$(if $(COVERAGE),$(BIN)/coverage report)

coverage:
	$(MAKE) --no-print-directory test COVERAGE=1

# An answer in a minute and a half: what needs no server, and one pass of the contract over each wire.
test-fast: check
	$(BIN)/python $(PYTEST) $(UNTIMED) tests/wires/test_every_wire.py tests/unit

# The faults of tests/torture at their full size, from a seed of its own each time: PARLANCE_TORTURE_SEED repeats one.
torture: .venv/development
	PARLANCE_TORTURE=1 $(BIN)/python $(PYTEST) --dist load -n 2 $(or $(TORTURE),tests/torture)

# What every wire promises about answers whose callers come back, tested, and drawn if all of it holds.
matrix: .venv/development
	$(BIN)/python -m pytest -q --dist load -n 2 -m guarantee --junitxml .venv/matrix.xml \
		tests/wires/test_every_wire.py tests/wires/test_guarantees.py
	PARLANCE_WHOLE_MATRIX=1 $(BIN)/python -m pytest -q --dist loadscope -n 2 tests/wires/test_crosswise.py
	$(BIN)/python -m docs.matrix .venv/matrix.xml docs/matrix.svg

check: .venv/development
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy app
	$(BIN)/lint-imports

format: .venv/development
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

# What the pages and the schemas say in two places: docs/configuration.md and config/knowledge.
docs: .venv/development
	$(BIN)/python -m docs.generate

# Some fifteen minutes on a quiet machine. `make bench LITELLM=1` measures LiteLLM's proxy too.
bench: .venv/runtime .venv-bench/installed $(if $(LITELLM),.venv-litellm/installed)
	@command -v node >/dev/null || { echo "make bench needs node, version 18 or newer."; exit 1; }
	.venv-bench/bin/python bench/run.py --json docs/performance.json \
		$(if $(LITELLM),--litellm .venv-litellm/bin/litellm)
	.venv-bench/bin/python bench/plot.py docs/performance.json docs/performance.png

# How well knowledge is found in each language, and what 10,000 passages cost; a minute.
bench-knowledge: .venv/runtime
	$(BIN)/python -m bench.knowledge --write docs/knowledge.md

clean:
	rm -rf .venv .venv-bench .venv-litellm .venv-clients .venv-clients-before

.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Parlance needs Python 3.11 or newer; PYTHON=... names one."; exit 1; }
	@echo "Creating .venv with $$($(PYTHON) --version)"
	@$(PYTHON) -m venv .venv || { rm -rf .venv; exit 1; }

# The command, as `pip install .` makes it, without what that takes.
.venv/bin/parlance: | .venv/bin/python
	@ln -sf ../../config/parlance.sh $@

.venv/runtime: .venv/bin/python requirements.txt constraints.txt | .venv/bin/parlance
	@echo "Installing what the server needs"
	$(BIN)/pip install --disable-pip-version-check --progress-bar off -c constraints.txt -r requirements.txt
	@touch $@

.venv/development: .venv/runtime requirements-dev.txt
	@echo "Installing what the checks and tests need"
	$(BIN)/pip install --disable-pip-version-check --progress-bar off -r requirements-dev.txt
	@touch $@

.venv-%/installed: requirements-%.txt
	$(PYTHON) -m venv .venv-$*
	.venv-$*/bin/pip install --disable-pip-version-check --progress-bar off -r $<
	@touch $@
