# What takes long or is wanted seldom. ./serve and ./check need no make.

.PHONY: help dev diagram pythons package deploying clean
.DEFAULT_GOAL := help

help: ## Show these lines.
	@sed -n 's/^\([a-z-]*\):.*## /\1: /p' Makefile

dev: ## Run the server, and restart it when a file changes.
	@. ./etc/virtualenv.sh && virtualenv_install .venv "[dev]"
	.venv/bin/python -m raydel dev

diagram: ## Draw the life of a session anew, into docs/architecture.md.
	@. ./etc/virtualenv.sh && virtualenv_install .venv ""
	.venv/bin/python docs/make_diagram.py

pythons: ## Run the tests under every Python that is supported.
	@./etc/pythons 3.11 3.12 3.13

package: ## Build the package, and install it as people do, with all it needs.
	@./etc/check-package

deploying: ## Check units, Dockerfile and proxy examples with the tools they are for.
	@./etc/check-deploying

clean: ## Remove what can be made again.
	rm -rf .venv .venvs build dist *.egg-info .coverage .hypothesis _trial_temp*
	rm -rf .mypy_cache .pytest_cache .ruff_cache twisted/plugins/dropin.cache
	find . -name __pycache__ -prune -exec rm -rf {} +
