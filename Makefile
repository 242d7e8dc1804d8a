# Everything sets itself up: the first target that needs it makes .venv. Python 3.11 or newer is all that must be there.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.installed

.PHONY: demo test check lint types format bench fuzz fuzz-uploads mutants proto contracts clean help

help:            ## list the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 14

demo: $(STAMP)   ## two chains, a relayer, contracts: the main job, narrated
	@$(BIN)/lightship demo

test: $(STAMP) check  ## lint, types and every test
	$(BIN)/pytest -q -n 2 --dist loadgroup

check: lint types

lint: $(STAMP)   ## ruff
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(STAMP)  ## mypy --strict
	$(BIN)/mypy light_client chain relayer lightship contracts tests benchmarks examples proto/generate.py

format: $(STAMP) ## rewrite the sources in the house format
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: $(STAMP)  ## what this machine reaches
	@$(BIN)/python -m benchmarks

fuzz: $(STAMP)   ## a million inputs for each decoder of the light client (installs atheris), about ten minutes
	$(BIN)/python -m pip install --quiet --disable-pip-version-check 'atheris>=3'
	$(BIN)/python tests/fuzz/light_client_decoders.py

fuzz-uploads: $(STAMP) ## a hundred thousand damaged and hostile contracts through the VM, about ten minutes
	$(BIN)/python tests/fuzz/uploads.py

mutants: $(STAMP) ## which changes of the verifier the tests do not notice, about half an hour (docs/mutants.md)
	$(BIN)/python tests/mutation/run.py

proto: $(STAMP)  ## regenerate cosmos_pb
	$(BIN)/python proto/generate.py

contracts:       ## rebuild contracts/artifacts (needs Rust, see contracts/README.md)
	$(PYTHON) contracts/build.py

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis

$(STAMP): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit("Lightship needs Python 3.11 or newer, this is %d.%d" % sys.version_info[:2]) if sys.version_info < (3, 11) else None'
	@echo "Setting up $(VENV) (once, about a minute) ..."
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade 'pip>=25.1'
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable . --group dev
	@touch $(STAMP)
