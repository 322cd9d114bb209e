# Ringfair. `make` alone lists the targets. Each installs what it needs into .venv and ~/.cache/ringfair.
.DEFAULT_GOAL := help
SHELL := bash
BIN := .venv/bin

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1\t\2/' | expand -t 18

demo: ## Asterisk, Valkey, router, three campaigns, five agents, 20 callers; DEMO_CALLS=n, DEMO_HOLD=1
	@deploy/prepare pbx
	@$(BIN)/python -m deploy.demo

check: ## format, lint, types, import contracts, licences, fast tests: no servers, 5 min on two cores
	@deploy/prepare venv
	$(BIN)/ruff format --check router tests deploy
	$(BIN)/ruff check router tests deploy
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo
	$(BIN)/python deploy/licences.py
	$(BIN)/pytest -q -m "not server"

contracts: ## one suite per port, against the fake and the real servers
	@deploy/prepare servers
	RINGFAIR_REQUIRE_SERVERS=1 $(BIN)/pytest -q tests/contracts

integration: ## the whole voice path on a real Asterisk with SIPp and baresip
	@deploy/prepare servers
	RINGFAIR_REQUIRE_SERVERS=1 $(BIN)/python -m tests.side_by_side

test: check contracts integration ## everything CI runs
	@$(MAKE) --no-print-directory mutants SHORT=1
	@$(MAKE) --no-print-directory model
	@$(MAKE) --no-print-directory simulate
	@$(MAKE) --no-print-directory crash-matrix SHORT=1

model: ## the engine beside a slow reference that looks at everybody, step by step: 5 s; STEPS=n SEED=s DAY=d
	@deploy/prepare venv
	@$(BIN)/python -m tests.model $(if $(STEPS),--steps '$(STEPS)') $(if $(SEED),--seed '$(SEED)') $(if $(DAY),--day '$(DAY)')

simulate: ## days on which everything goes wrong, the whole system under a virtual clock: 1 min; CONTACTS=n SEED=s DAY=d
	@deploy/prepare venv
	@$(BIN)/python -m tests.simulate $(if $(CONTACTS),--contacts '$(CONTACTS)') $(if $(SEED),--seed '$(SEED)') $(if $(DAY),--day '$(DAY)')

crash-matrix: ## each part killed at each of 170 named points: 25 min; SHORT=1 a spread, 1 min; CONTACTS=n SEED=s ONLY=text
	@deploy/prepare venv
	@$(BIN)/python -m tests.crash_matrix $(if $(SHORT),--cells 20) $(if $(CONTACTS),--contacts '$(CONTACTS)') $(if $(SEED),--seed '$(SEED)') $(if $(ONLY),--only '$(ONLY)')

mutants: ## plant some 660 faults, one at a time; the tests must notice each: 8 min; SHORT=1 one of each room, 25 s; ONLY=part of a name
	@deploy/prepare servers
	@$(BIN)/python -m tests.mutants $(if $(SHORT),--short) $(if $(ONLY),--only '$(ONLY)')

# BENCH=quick: short runs; BENCH_ARGS: more of `python -m tests.load.bench --help`
bench_options = $(if $(filter quick,$(BENCH)),--quick) $(BENCH_ARGS)

bench: ## speed and memory beside app_queue, 12 min; BENCH=quick 2 min; BASE=commit: this tree beside that one, 10 min
	@deploy/prepare pbx
	@$(BIN)/python -m tests.load.bench bench $(if $(BASE),--base '$(BASE)') $(bench_options)

bench-load: ## highest rates beside app_queue, CPU, a thousand callers waiting: about 25 min
	@deploy/prepare pbx
	@$(BIN)/python -m tests.load.bench load $(bench_options)

soak: ## 30 calls/s with audio, nothing may fail or be left behind, else it fails: 11 min; SOAK_MIN=n
	@deploy/prepare pbx
	@$(BIN)/python -m tests.load.bench soak $(if $(SOAK_MIN),--minutes '$(SOAK_MIN)') $(bench_options)

ami-cuts: ## the line to Asterisk cut at every byte of a fake's, at 300 of a real one's with calls up: 13 min; CUTS=n SEED=n
	@deploy/prepare servers
	@RINGFAIR_EVERY_BYTE=1 $(BIN)/pytest -q tests/adapters/ami/test_cuts.py
	@$(BIN)/python -m tests.load.ami_cuts --times '$(or $(CUTS),300)' --seed '$(or $(SEED),1)'

# DEATHS_ARGS: more of `python -m tests.load.deaths --help`
deaths: ## routers, Redis, PostgreSQL and Asterisk die under 20 calls/s and nothing is lost: 30 min; DEATHS=kill one kind
	@deploy/prepare servers
	@$(BIN)/python -m tests.load.deaths $(if $(DEATHS),--kind '$(DEATHS)') $(DEATHS_ARGS)

# HOUR_ARGS: more of `python -m tests.load.hour_without_database --help`
hour: ## an hour without PostgreSQL at 20 contacts/s, then all of it is there once and in order: 6 min; HOUR_ARGS=--kill
	@deploy/prepare servers
	@$(BIN)/python -m tests.load.hour_without_database $(HOUR_ARGS)

early-media: ## a caller waits ten minutes unanswered and is taken, or is answered half-way: 21 min; EARLY_MEDIA_S=n
	@deploy/prepare servers
	@RINGFAIR_REQUIRE_SERVERS=1 RINGFAIR_EARLY_MEDIA_S='$(or $(EARLY_MEDIA_S),600)' $(BIN)/pytest -q tests/integration/test_early_media.py

clean: ## remove .venv and build/; the Asterisk in the cache stays
	rm -rf .venv build

.PHONY: help demo check contracts integration test model simulate crash-matrix mutants bench bench-load soak ami-cuts deaths hour early-media clean
