# Two commands to know: `make run` builds and starts Sluice, `make test` runs the tests.
SHELL := bash
.DEFAULT_GOAL := help

GO ?= go
TOOL := $(GO) tool -modfile=$(CURDIR)/internal/tools/go.mod
COMMIT := $(shell git describe --always --dirty --abbrev=12 --exclude '*' 2>/dev/null)
LDFLAGS := -s -w -X main.commit=$(COMMIT)
COMPONENTS := $(dir $(wildcard receiver/*/metadata.yaml receiver/*/*/metadata.yaml processor/*/metadata.yaml exporter/*/metadata.yaml exporter/*/*/metadata.yaml extension/*/metadata.yaml))
FUZZTIME ?= 20s
PROOFS = $(sort $(foreach f,$(shell grep -rl sluice/internal/proof --include='*_test.go' .),$(dir $(f))))
CROSS := linux/amd64 linux/arm64 darwin/amd64 darwin/arm64

# The same flags everywhere, so that building and testing share one build cache.
export CGO_ENABLED ?= 0
export GOFLAGS := $(strip $(GOFLAGS) -trimpath)

.PHONY: help
help: ## Show this help.
	@awk -F ':.*## ' '/^[a-z0-9 -]+:.*## / {printf "  %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: build
build: ## Build bin/sluice: static, for this machine.
	$(GO) build -ldflags '$(LDFLAGS)' -o bin/sluice ./otelcol-dist

.PHONY: cross
cross: ## Build bin/sluice-OS-ARCH for linux and darwin on amd64 and arm64.
	@set -e; for p in $(CROSS); do echo "build $$p"; \
	  GOOS=$${p%/*} GOARCH=$${p#*/} $(GO) build -ldflags '$(LDFLAGS)' -o bin/sluice-$${p/\//-} ./otelcol-dist; done

.PHONY: run
run: build ## Build and start Sluice on its default configuration.
	bin/sluice

.PHONY: generate
generate: ## Generate otelcol-dist/components.go (ocb) and every component's metadata (mdatagen).
	@rm -rf _build && out=$$($(TOOL) builder --config builder-config.yaml --skip-get-modules --skip-compilation 2>&1) || { echo "$$out"; exit 1; }
	@cp _build/components.go otelcol-dist/components.go && rm -rf _build
	@set -e; for c in $(COMPONENTS); do (cd $$c && $(TOOL) mdatagen metadata.yaml); done

.PHONY: fmt
fmt: ## Format the code.
	$(TOOL) golangci-lint fmt

.PHONY: lint
lint: ## Run golangci-lint.
	$(TOOL) golangci-lint run
	cd bench && $(TOOL) golangci-lint run --config ../.golangci.yml

.PHONY: test
test: ## Run the tests.
	$(GO) test -timeout 20m $$($(GO) list ./... | grep -v /test/e2e)
	$(GO) test -count=1 ./test/e2e # its binary is built by the test, which the test cache does not see

.PHONY: test-race
test-race: ## Run the tests under the race detector (needs a C compiler).
	CGO_ENABLED=1 $(GO) test -race -timeout 45m $$($(GO) list ./... | grep -v /test/e2e)

.PHONY: test-e2e
test-e2e: build ## Run the end-to-end tests, the slow ones included, against bin/sluice.
	SLUICE_BIN=$(CURDIR)/bin/sluice SLUICE_E2E=full $(GO) test -count=1 -timeout 30m -v ./test/e2e

.PHONY: fuzz
fuzz: ## Run each fuzz target for FUZZTIME.
	@set -e; for f in $$(grep -rlE '^func Fuzz' --include='*_test.go' . ); do \
	  for t in $$(grep -oE '^func Fuzz[A-Za-z0-9_]+' $$f | cut -c6-); do echo "fuzz $$t"; \
	    $(GO) test -run '^$$' -fuzz "^$$t\$$" -fuzztime $(FUZZTIME) ./$$(dirname $$f); done; done

.PHONY: bench bench-full bench-smoke bench-peer
bench: build bench-peer ## Measure Sluice beside contrib and write docs/performance.md: 5 minutes.
	cd bench && $(GO) run . -short

bench-full: build bench-peer ## The same at all sizes, up to a million series: 30 minutes.
	cd bench && $(GO) run . -full

bench-smoke: build ## Prove in seconds that the bench builds and runs.
	cd bench && $(GO) test ./... && $(GO) run . -smoke

bench-peer: bench/.peer/otelcol-peer ## Build the contrib collector to compare with.

bench/.peer/otelcol-peer: bench/contrib-builder-config.yaml
	cd bench && $(TOOL) builder --config contrib-builder-config.yaml

.PHONY: soak
soak: ## Run the long proofs whole.
	PROOF_CHECKS=20000 $(GO) test -count=1 -timeout 2h $(PROOFS)
	$(MAKE) fuzz FUZZTIME=5m

.PHONY: cover
cover: ## Show test coverage by package.
	$(GO) test -cover $$($(GO) list ./... | grep -v /test/e2e)

.PHONY: check
check: ## Check that generated code, go.mod and formatting are current.
	$(GO) mod tidy -diff
	cd bench && $(GO) mod tidy -diff
	$(TOOL) golangci-lint fmt --diff
	@tree() { git status --porcelain; git diff | git hash-object --stdin; }; before=$$(tree); $(MAKE) --no-print-directory generate; \
	  [ "$$before" = "$$(tree)" ] || { git diff --stat; echo 'generated code was not current: commit what `make generate` changed'; exit 1; }

.PHONY: ci
ci: ## Run everything that CI runs.
	.ci/run

.PHONY: clean
clean: ## Remove what was built.
	rm -rf bin _build bench/.peer
