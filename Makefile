# What takes long or is wanted seldom. ./serve and ./check need no make.

.PHONY: help dev diagram schema openapi pythons package deploying conformance conformance-all
.PHONY: slow-connections bench scaling store soak kills clients schedules timesync flashes clean
COUNT = 200
.DEFAULT_GOAL := help

help: ## Show these lines.
	@sed -n 's/^\([a-z-]*\):.*## /\1: /p' Makefile

dev: ## Run the server, and restart it when a file changes.
	@. ./etc/virtualenv.sh && virtualenv_install .venv "[dev]"
	.venv/bin/python -m raydel dev

diagram: ## Draw the life of a session anew, into docs/architecture.md.
	@. ./etc/virtualenv.sh && virtualenv_install .venv ""
	.venv/bin/python docs/make_diagram.py

schema: ## Write docs/take.schema.json anew, from the classes.
	@. ./etc/virtualenv.sh && virtualenv_install .venv ""
	.venv/bin/python docs/make_schema.py

pythons: ## Run the tests under every Python that is supported.
	@./etc/pythons 3.11 3.12 3.13

package: ## Build the package, and install it as people do, with all it needs.
	@./etc/check-package

deploying: ## Check units, Dockerfile and proxy examples with the tools they are for.
	@./etc/check-deploying

BASIC = unchanged unchanged-tls lenient lenient-tls unchanged-library lenient-library
conformance: ## Test /sync with Autobahn|Testsuite: plain, TLS, and --wire=library.
	@./etc/conformance/run $(BASIC)

conformance-all: ## The same, and compression, which the server has off.
	@./etc/conformance/run $(BASIC) compression

slow-connections: ## Measure joins among 500 connections that are slow; a minute.
	@. ./etc/virtualenv.sh && virtualenv_install .venv "[test]"
	@.venv/bin/python etc/slow_connections.py

openapi: COUNT = 3000
openapi: ## Try the REST calls COUNT=3000 times each; 20 minutes.
	@. ./etc/virtualenv.sh && virtualenv_install .venv "[test]"
	@.venv/bin/python -m tests.integration.rest_attempts $(COUNT)

ROUNDS = 4
bench: ## Measure what the server costs beside others, in ROUNDS=4; half an hour.
	@. ./etc/virtualenv.sh && virtualenv_install .venv "[bench]"
	@.venv/bin/python -m raydel bench --store=both --tls --rounds=$(ROUNDS) \
		--against=node --against=websockets --against=aiohttp
	@.venv/bin/python -m raydel bench --load=ready --rate=3000 --rounds=$(ROUNDS) \
		--against=node
	@. ./etc/virtualenv.sh && virtualenv_install .venv "[test]"
	@.venv/bin/python etc/count_instructions.py

scaling: ROUNDS = 2
scaling: ## Measure relays among 100 to 20,000 phones, and 20,000 idle; 45 quiet minutes.
	@. ./etc/virtualenv.sh && virtualenv_install .venv "[plot]"
	@mkdir -p reports
	@.venv/bin/python -m raydel bench --scaling --rounds=$(ROUNDS) \
		--plot=reports/scaling.svg
	@.venv/bin/python -m raydel bench --load=idle-phones --rounds=$(ROUNDS) --seconds=20

store: ## Measure what each store costs, on the disk that the clone is on.
	@. ./etc/virtualenv.sh && virtualenv_install .venv ""
	@.venv/bin/python etc/measure_store.py

soak: ## Kill, cut and starve the real server, 200 schedules or COUNT=1000; 15 minutes.
	@. ./etc/virtualenv.sh && virtualenv_install .venv "[test]"
	@.venv/bin/python -m tests.rig.soak $(COUNT)

kills: ## Kill the server 200 times, or COUNT=1000, at random instants; 10 minutes.
	@. ./etc/virtualenv.sh && virtualenv_install .venv "[test]"
	@.venv/bin/python -m tests.rig.soak --menu kills --kills $(COUNT)

clients: COUNT = 50
clients: ## Kill and cut two client programs, COUNT=50 times; 15 minutes.
	@. ./etc/virtualenv.sh && virtualenv_install .venv "[test]"
	@.venv/bin/python -m tests.rig.programs $(COUNT)

schedules: COUNT = 100000
schedules: ## Play COUNT=100000 schedules of what can go wrong, in virtual time.
	@. ./etc/virtualenv.sh && virtualenv_install .venv "[test]"
	@.venv/bin/python -m tests.crashes --count $(COUNT)

SEEDS = 2001 2002 2003 2004 2005 2006 2007 2008 2009 2010
timesync: ## Measure starts and takes through the server, with ten SEEDS; 20 minutes.
	@. ./etc/virtualenv.sh && virtualenv_install .venv "[test]"
	@.venv/bin/python etc/measure_timesync.py $(SEEDS)

flashes: ## Measure how well exported videos are in step, over a grid; 15 minutes.
	@. ./etc/virtualenv.sh && virtualenv_install .venv "[test]"
	@PYTHONPATH=. .venv/bin/python etc/measure_flashes.py

clean: ## Remove what can be made again.
	rm -rf .venv .venvs build dist reports *.egg-info .coverage .hypothesis _trial_temp*
	rm -rf .mypy_cache .pytest_cache .ruff_cache twisted/plugins/dropin.cache
	find . -name __pycache__ -prune -exec rm -rf {} +
