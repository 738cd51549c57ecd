# Needs Python 3.11 or newer, and nothing else: `make run`.
PYTHON ?= python3
BIN := var/venv/bin
export PORT STUDIO_PORT CHROMIUM LOCALE

.DEFAULT_GOAL := help
.PHONY: help run code test check lint bench chaos fmt lock outdated messages pictures environment environment-dev

help: ## what there is
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-8s %s\n", $$1, $$2 }' Makefile

run: environment ## Drops with demo data on http://127.0.0.1:8000 (PORT=8100 for another port)
	@exec $(BIN)/python -m scripts.run

code: ## the current sign-in code of the demo's owners and operator
	@test -f "$${STATE_DIR:-var}/demo.txt" || { echo "There is no demo yet. Start it first: make run" >&2; exit 1; }
	@$(BIN)/python manage.py demo --code

test: environment-dev ## every test, on SQLite and PostgreSQL, and in a browser (ARGS="tests/drops -x" for some)
	@$(BIN)/python -m scripts.test $(ARGS)

# TESTED=yes: the tests have just run.
check: lint $(if $(TESTED),,test) ## lint, types, layers, settings as in production, and every test

lint: environment-dev ## the same without the tests
	@$(BIN)/python -m scripts.lint

bench: environment-dev ## speed beside its limit (ONLY="claim_http claims_page" for some)
	@$(BIN)/python -m bench $(ONLY)

chaos: environment-dev ## claims and deliveries while processes are killed
	@$(BIN)/python -m tests.chaos $(ARGS)

fmt: environment-dev ## format the code, note down new migrations
	@$(BIN)/ruff check --fix --quiet .
	@$(BIN)/ruff format .
	@$(BIN)/python -m scripts.migrations --add

lock: environment-dev ## every package's version and hashes, after requirements*.txt were edited
	@$(BIN)/python -m scripts.lock $(ARGS)

messages: environment ## the texts for translators, in config/locale (LOCALE=de begins a language)
	@$(BIN)/python -m scripts.messages

pictures: environment-dev ## the pictures of docs/pictures.md, from the demo (ONLY="inventory watch" for some)
	@$(BIN)/python -m tests.pictures $(ONLY)

outdated: environment-dev ## packages with a newer version, and known holes in the locked ones
	@$(BIN)/python -m scripts.outdated

environment:
	@$(PYTHON) scripts/environment.py run

environment-dev:
	@$(PYTHON) scripts/environment.py dev
