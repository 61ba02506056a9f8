# A fresh machine needs Python 3.11 or newer; everything else is set up in the tree.
# ENV: the virtual environment to use.  WHEEL: test this built wheel instead of the checkout.
# RUNBOOKS: where the alerts' pages can be read, for the links in them.
ENV ?= .venv
WHEEL ?=
VERSION := $(shell sed -n 's/^__version__ = "\(.*\)"$$/\1/p' src/halftrack/__init__.py)

.PHONY: doctor test check docs wheel onefile image monitoring bench fuzz clean

doctor: $(ENV)/.installed-run  ## examine this node
	@$(ENV)/bin/halftrack doctor --exit-zero

test: $(ENV)/.installed-dev    ## everything that must hold: style, types, imports, tests
	@scripts/debian-packages
	@scripts/test $(ENV)

check: $(ENV)/.installed-dev   ## style, types and import contracts only
	@scripts/check $(ENV)

docs: $(ENV)/.installed-dev    ## write the generated parts of README and docs anew
	@$(ENV)/bin/python scripts/generate

wheel: $(ENV)/.installed-dev   ## build the wheel into dist/
	@$(ENV)/bin/pip wheel --quiet --no-deps --wheel-dir dist .

onefile: $(ENV)/.installed-run  ## one file in dist/ that runs where nothing is installed: docs/fleet.md
	@$(ENV)/bin/python deploy/onefile/build.py dist

image: onefile                 ## localhost/halftrack for podman; BASE=… another base: docs/fleet.md
	@podman build $(if $(BASE),--build-arg BASE=$(BASE)) --build-arg VERSION=$(VERSION) \
		--tag localhost/halftrack:$(VERSION) --file deploy/container/Containerfile .

monitoring: $(ENV)/.installed-dev  ## rules and dashboard in dist/monitoring; RUNBOOKS=… your address: docs/fleet.md
	@$(ENV)/bin/python -m monitoring $(if $(RUNBOOKS),--runbooks '$(RUNBOOKS)') dist/monitoring

bench: $(ENV)/.installed-dev   ## ratios against references measured in the same run (root)
	@scripts/debian-packages
	@$(ENV)/bin/python -m benchmarks

fuzz: $(ENV)/.installed-dev    ## the decoder and the readers of text and captures, for longer than the tests do
	@HALFTRACK_FUZZ_EXAMPLES=200000 $(ENV)/bin/python -m pytest -q tests/fuzz

$(ENV)/.installed-run: pyproject.toml
	@scripts/setup $(ENV) run "$(WHEEL)"

$(ENV)/.installed-dev: pyproject.toml $(WHEEL)
	@scripts/setup $(ENV) dev "$(WHEEL)"

clean:
	rm -rf $(ENV) dist build
