# trtfarm: `make demo` shows it, `make test` proves it.

BIN     := $(CURDIR)/bin
CACHE   := $(CURDIR)/.cache
VERSION := $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)
LDFLAGS := -s -w -X main.version=$(VERSION)
GO      := go
FUZZTIME ?= 60s

# Starts a docker engine, a registry and an S3 server around a command.
UP := $(GO) run ./internal/testbed/up -bin $(BIN) -tools $(CACHE)/tools --

export PATH := $(BIN):$(PATH)

.PHONY: help build demo test check fuzz bench deps clean trtfarm trtsim ortrun

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

build: trtfarm trtsim ortrun $(BIN)/libonnxruntime.so.1 ## build every program into bin/

trtfarm:
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags '$(LDFLAGS)' -o $(BIN)/trtfarm ./cmd/trtfarm

trtsim:
	CGO_ENABLED=0 $(GO) build -trimpath -buildvcs=false -ldflags '-s -w' -o $(BIN)/trtsim ./cmd/trtsim

ortrun:
	CGO_ENABLED=1 $(GO) build -trimpath -buildvcs=false -ldflags '-s -w' -o $(BIN)/ortrun ./cmd/ortrun

$(BIN)/libonnxruntime.so.1: scripts/fetch-onnxruntime
	scripts/fetch-onnxruntime $(CACHE) $@

demo: build ## run the main job with simulated GPUs; no docker needed
	$(BIN)/trtfarm run matrices/demo.toml

deps: ## make sure that what the tests need is on this machine
	scripts/deps

$(CACHE)/tools/versitygw: test/tools/go.mod test/tools/go.sum
	$(GO) build -C test/tools -o $@ github.com/versity/versitygw/cmd/versitygw

$(CACHE)/tools/staticcheck: test/tools/go.mod test/tools/go.sum
	$(GO) build -C test/tools -o $@ honnef.co/go/tools/cmd/staticcheck

check: $(CACHE)/tools/staticcheck ## formatting, vet, staticcheck, tidy, matrices
	@test -z "$$(gofmt -d $$(git ls-files '*.go') | tee /dev/stderr)"
	$(GO) vet ./...
	$(CACHE)/tools/staticcheck ./...
	$(GO) mod tidy -diff

test: deps build check $(CACHE)/tools/versitygw ## everything, on a real docker engine, registry, S3 server and ONNX Runtime
	$(BIN)/trtfarm check matrices/*.toml
	TRTFARM_TEST_REQUIRED=1 $(UP) $(GO) test -race -shuffle=on -timeout 40m -skip TestALargeEngine ./...
	TRTFARM_TEST_REQUIRED=1 TRTFARM_TEST_LARGE=1 $(UP) $(GO) test -count=1 -p 1 -timeout 20m \
		-run 'TestALargeEngine|^TestStore$$/large' ./cmd/trtfarm ./internal/artifact/dir ./internal/artifact/s3

fuzz: ## run every fuzz target for FUZZTIME
	scripts/fuzz $(FUZZTIME)

bench: build deps $(CACHE)/tools/versitygw ## our overhead against a shell loop, as ratios of one run
	$(UP) $(GO) test -run "^$$" -bench . -benchtime 1x -v -timeout 60m ./cmd/trtfarm

clean: ## remove what was built; keeps the store
	rm -rf $(BIN) $(CACHE)
