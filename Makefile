# Commands of this repository. "make" alone lists them.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

ADDR     ?= localhost:8080
LAYER    ?= nats
FUZZTIME ?= 60s
BENCH    ?= .
MODULES  := . bench cmd/chanx examples jwtauth natslayer otelchanx redislayer tools/page
BIN      := $(CURDIR)/.bin
TOOLS    := $(BIN)/gofumpt $(BIN)/staticcheck $(BIN)/go-check-sumtype
TAGS     := -tags abuse

# go test would vet each package and all that it imports once more, built for the race detector: make vet does it.
TEST     := go test -race -vet=off

.PHONY: help
help: ## list the commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: demo
demo: needgo ## serve the chat example at http://localhost:8080 (ADDR=host:port for another address)
	@echo "building the chat; the first time takes about a minute"
	@echo "then http://$(ADDR) is the chat, and http://$(ADDR)/docs/ the page on which its messages are tried out"
	@go build -o .bin/chat ./examples/chat && exec .bin/chat -addr $(ADDR)

.PHONY: demo-cluster
demo-cluster: needgo ## serve the chat from three processes, and kill any of them (LAYER=redis instead of nats, ADDR as above)
	@[ '$(LAYER)' != redis ] || .ci/need redis
	@echo "building the chat and the cluster; the first time takes about a minute"
	@go build -o .bin/ ./examples/chat ./examples/cluster && exec .bin/cluster -addr $(ADDR) -broker '$(LAYER)'

.PHONY: test
test: needgo ## run all tests with the race detector; some need a browser, nginx or Redis
	@.ci/need cc
	@.ci/need redis
	@.ci/need nginx
	@CHROMIUM="$$(.ci/need browser)" PAGE_SCREENSHOTS=$(CURDIR)/.cache/page $(TEST) -timeout 5m work

.PHONY: page
page: needgo ## build the page of package playground from its sources, and run their tests; needs Node.js
	@.ci/page

.PHONY: lint
lint: fmt vet staticcheck sumtype fix modules ## check formatting, vet, staticcheck, unions, go fix and each module alone

.PHONY: fuzz
fuzz: needgo ## run each fuzz target for FUZZTIME (default 60s)
	@.ci/fuzz $(FUZZTIME)

.PHONY: conformance
conformance: needgo ## run Autobahn's WebSocket cases against internal/socket; needs Python 2.7
	@.ci/conformance

.PHONY: contract
contract: needgo ## write the comments and AsyncAPI documents of the examples, after a change of their types
	@cd examples && go generate ./... && go test -count=1 -run '^TestTheDocumentIsThatOfTheRepository$$' ./assistant ./chat ./discussion -update

.PHONY: contract-check
contract-check: ## read the AsyncAPI documents of the tests with AsyncAPI's own parser; needs Node.js
	@.ci/contract

.PHONY: abuse
abuse: needgo ## attack a server over real sockets for half a minute, and print figures
	@.ci/need cc
	@$(TEST) -tags abuse -count=1 -timeout 10m -v ./internal/abuse

.PHONY: bench
bench: needgo ## compare chanx and its layers with other servers, about twelve minutes; writes bench/RESULTS.md, except with BENCH=echo or the like
	@go build -o .bin/bench ./bench && exec .bin/bench -run '$(BENCH)' $(if $(filter .,$(BENCH)),-results bench/RESULTS.md)

.PHONY: soak
soak: needgo ## simulate many clients of one server, over real sockets, for SOAK (default 2m) and two minutes more; needs Linux
	@go build -o .bin/soak ./bench/soak && exec .bin/soak -for $(or $(SOAK),2m)

.PHONY: microbench
microbench: needgo ## run the benchmarks of packages (BENCH=pattern to choose)
	@go test -run '^$$' -bench '$(BENCH)' -benchtime 2s -benchmem . ./schema ./internal/socket ./natslayer ./redislayer

.PHONY: soak-cluster
soak-cluster: needgo ## kill brokers and nodes while clients talk, for SOAK (default 60s), over LAYER=nats or redis; needs Linux
	@if [ '$(LAYER)' = redis ]; then .ci/need redis; fi
	@go build -o .bin/soakcluster ./bench/soakcluster && exec .bin/soakcluster -layer '$(LAYER)' -for '$(or $(SOAK),60s)'

.PHONY: tools
tools: $(TOOLS) ## build the pinned tools into .bin

# The parts of lint. They include files with build tags.
.PHONY: fmt vet staticcheck sumtype fix modules
fmt: $(TOOLS)
	@files=$$($(BIN)/gofumpt -l .); if [ -n "$$files" ]; then echo "not formatted; run .bin/gofumpt -w on:"; echo "$$files"; exit 1; fi
vet: needgo
	@go vet $(TAGS) work
staticcheck: $(TOOLS)
	@$(BIN)/staticcheck $(TAGS) work
sumtype: $(TOOLS) # a switch over a sealed union names every case
	@$(BIN)/go-check-sumtype work
fix: needgo # except the program of docs/design.md, which the document quotes
	@go fix $(TAGS) -diff $$(go list work | grep -v /internal/chat$$) || { echo "run go fix on these packages"; exit 1; }
modules: needgo # alone, because go.work hides a requirement that a module lacks
	@for m in $(MODULES); do \
		echo "module $$m"; (cd $$m && GOWORK=off go vet ./... && GOWORK=off go mod tidy -diff) || exit 1; \
	done
	@echo "module tools"; cd tools && GOWORK=off go mod tidy -diff

.PHONY: needgo
needgo:
	@.ci/need go

$(BIN)/gofumpt: tools/go.mod tools/go.sum
	@.ci/need go
	@cd tools && GOWORK=off GOBIN=$(BIN) go install tool && touch $(TOOLS)
$(BIN)/staticcheck $(BIN)/go-check-sumtype: $(BIN)/gofumpt
