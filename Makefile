# What you can do here. `make help` prints the list; every target can be run again and again.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
REQUIREMENTS := requirements.txt requirements-dev.txt
# A change of any requirement or of the Python gives another name, and with it an installation.
STAMP := $(VENV)/.installed-$(shell (cat $(REQUIREMENTS); $(PYTHON) --version) 2>&1 | cksum | cut -d' ' -f1)
STACK := $(BIN)/python -m sandbox.stack
TYPED := wopr tenants billing dns fleet gpu sandbox manage.py
ONLY ?= tests
SBOM := .wopr/sbom.cdx.json

.PHONY: help
help: ## List the targets
	@awk -F':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: run
run: venv ## Start everything on this machine and print where to click (Ctrl-C stops it)
	@$(STACK) packages
	@exec $(STACK) run

.PHONY: code
code: venv ## Print the code that the demo's staff sign in with now (their second factor)
	@$(STACK) code

.PHONY: journey
journey: venv ## Play a customer's way from sign-up to a running bot on a fresh stack
	@$(STACK) packages
	@exec $(STACK) journey

.PHONY: test
test: venv ## Run the tests on real parts; a part of them by ONLY=tests/billing
	@$(STACK) packages --for-tests
	@exec $(STACK) test -- $(ONLY)

.PHONY: compose-test
compose-test: venv ## Build the images, bring compose.yaml up on the real engine and play a customer's way there
	@$(STACK) packages
	@exec $(STACK) compose-test

.PHONY: lint
lint: venv ## Check format, types, imports, templates, dependencies and known dangers
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy $(wildcard $(TYPED))
	$(BIN)/lint-imports
	$(BIN)/djlint --check --lint templates
	$(BIN)/deptry .
	$(BIN)/bandit --quiet --recursive --configfile pyproject.toml $(filter-out sandbox,$(wildcard $(TYPED)))
	git ls-files -z -- ':!tests' ':!*.md' ':!requirements*.txt' ':!docs/openapi.yaml' | xargs -0 $(BIN)/detect-secrets-hook
	git ls-files -z -- tests '*.md' | xargs -0 $(BIN)/detect-secrets-hook --disable-plugin KeywordDetector

.PHONY: security
security: lint ## Look for known dangers: code, secrets, settings, any request, and dependencies (asks the network)
	@$(STACK) packages --for-tests
	EXAMPLES=200 $(STACK) test -- tests/security tests/wopr/test_settings_refusals.py \
		tests/wopr/test_browser_headers.py tests/admin/test_content_policy.py tests/architecture/test_route_access.py \
		tests/fleet/test_engine_gate.py tests/fleet/test_outbound.py tests/fleet/test_registries.py \
		tests/browser/test_every_page.py tests/browser/test_passkeys.py tests/browser/test_what_was_written.py
	@mkdir -p .wopr
	$(BIN)/cyclonedx-py requirements --output-reproducible --output-file $(SBOM) requirements.txt
	@echo "the bill of materials is in $(SBOM)"
	@$(BIN)/pip-audit --strict --require-hashes --disable-pip $(REQUIREMENTS:%=--requirement %) || { \
		echo "The dependencies are not known to be safe: pip-audit found something, or could not ask pypi.org."; exit 1; }

.PHONY: format
format: venv ## Rewrite the code in the agreed format
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	-$(BIN)/djlint --reformat --quiet templates

.PHONY: bench
bench: venv ## Measure: time to a running bot, how long each part takes to start, what the edge costs
	@$(STACK) packages
	@exec $(STACK) bench

.PHONY: lock
lock: venv ## Write the hash-pinned requirements from pyproject.toml (needs uv)
	@command -v uv >/dev/null || { echo "make lock needs uv: https://docs.astral.sh/uv/"; exit 1; }
	uv pip compile --quiet --universal --no-header --generate-hashes --python-version 3.11 \
		--output-file requirements.txt pyproject.toml
	uv pip compile --quiet --universal --no-header --generate-hashes --python-version 3.11 --constraint requirements.txt \
		--group dev --output-file requirements-dev.txt

.PHONY: clean
clean: ## Remove what `make run` keeps: database, mails, containers and volumes of this folder
	@if [ -x $(BIN)/python ]; then $(STACK) clean; else rm -rf .wopr; fi

.PHONY: venv
venv: $(STAMP) ## Build the virtual environment unless it is there

$(STAMP):
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV) || { \
		echo "Python 3.11 with venv is needed (on Debian: apt-get install python3.11-venv)"; exit 1; }
	@echo "installing requirements into $(VENV)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes $(REQUIREMENTS:%=--requirement %)
	@rm -f $(VENV)/.installed-*
	@touch $@
