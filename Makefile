# The delivery platform. `make` alone explains itself.
#
# The work is done by lib/cmd/platform and lib/cmd/rehearse; this file only
# builds what they need and names what there is to do.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.ONESHELL:
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

PULUMI_VERSION := v3.255.0
BIN := $(CURDIR)/.tools/bin
OFFICIAL := $(shell command -v pulumi 2>/dev/null || true)
export PATH := $(BIN):$(PATH)

# Variables that users may give, and what they mean to lib/cmd/platform.
# Recipes read them from the environment: make would put their text into the
# shell's program, quotes and all.
PROJECT ?=
SUFFIX ?=
APPROVE ?=
LAMBDA_ARCH ?= arm64
IMAGE_ARCH ?= amd64
export SUFFIX REPOSITORY BRANCH OWNERS OPERATORS CONNECTION_ARN ADMIN_ROLE ALLOW_SHARED_ACCOUNTS YES FORCE PROJECT APPROVE
export NAME FOLLOWS IMAGE_FROM APPROVAL MODE ACCOUNT
FROM ?=
export FROM TO CALLS
# NAME_ACCOUNT and NAME_PROFILE of every environment, as in DEV_ACCOUNT: make
# itself hands on what it is given on its command line.

PLATFORM := go run ./lib/cmd/platform
# The workspace's modules without tools, which holds no code of ours.
MODULES := . lib bootstrap shared targets $(patsubst %/go.mod,%,$(wildcard environments/*/go.mod))
PACKAGES := $(MODULES:%=./%/...)
STATICCHECK := honnef.co/go/tools/cmd/staticcheck@v0.8.2
GOVULNCHECK := golang.org/x/vuln/cmd/govulncheck@v1.9.0

# Binaries are the same for the same source: the image's tag is made of them.
GO_STATIC := CGO_ENABLED=0 GOOS=linux go build -trimpath -buildvcs=false -ldflags "-s -w"

.PHONY: help
help: ## Show this list
	@echo "The delivery platform. Start with: make rehearse"
	echo
	grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  %-21s %s\n", $$1, $$2}'
	echo
	echo "PROJECT is bootstrap, shared, targets/ENV or environments/ENV, with ENV an environment such as dev."
	echo "SUFFIX chooses an installation when several are configured; YES=yes asks nothing."

# Here the functions run on this machine, not in Lambda.
rehearse prove-least-privilege test test-long: LAMBDA_ARCH := $(shell go env GOARCH)

.PHONY: rehearse
rehearse: tools build ## Rehearse everything without an AWS account (APPROVE=yes or no to run unattended, ARGS=--help)
	@go run ./lib/cmd/rehearse $${APPROVE:+--approve="$$APPROVE"} $(ARGS)

.PHONY: prove-least-privilege
prove-least-privilege: tools build ## Rehearse, and say which parts of the policies no call needs (CALLS=FILE judges a recording of before)
	@calls="$${CALLS:-}"
	if [ -z "$$calls" ]; then
	  calls=dist/calls.json
	  go run ./lib/cmd/rehearse --approve=yes --calls="$$calls"
	fi
	go run ./lib/cmd/leastprivilege "$$calls"

.PHONY: permissions-diff
permissions-diff: ## Say what the platform's own stacks newly allow between two commits (FROM=rev TO=rev)
	@go run ./lib/cmd/permissions "$$FROM" "$${TO:-HEAD}"

.PHONY: configure
configure: ## Ask for the few values, or take them as variables, and write the stack files
	@$(PLATFORM) configure

.PHONY: environment
environment: ## Add an environment to the repository and to the settings (NAME=qa FOLLOWS=dev APPROVAL=yes)
	@$(PLATFORM) environment

.PHONY: bootstrap
bootstrap: tools ## Make keys and state buckets, and move bootstrap's state there; safe to repeat
	@$(PLATFORM) bootstrap

# Only shared uploads what build makes.
SOURCES := $(if $(filter shared,$(PROJECT)),build)

.PHONY: up preview refresh destroy
up: need-project tools $(SOURCES) ## Deploy one project (PROJECT=environments/dev)
	@$(PLATFORM) up "$$PROJECT"
preview: need-project tools $(SOURCES) ## Show what deploying one project would change (PROJECT=...)
	@$(PLATFORM) preview "$$PROJECT"
refresh: need-project tools ## Compare one project's state with the cloud, after an update was killed (PROJECT=...)
	@$(PLATFORM) refresh "$$PROJECT"
destroy: need-project tools ## Remove what one project made (PROJECT=...)
	@$(PLATFORM) destroy "$$PROJECT"

.PHONY: need-project
need-project:
	@if [ -z "$$PROJECT" ]; then echo "error: PROJECT is not set: expected for instance PROJECT=environments/dev" >&2; exit 1; fi

.PHONY: image
image: ## Build the build image in CodeBuild and wait until the scan gate approves or refuses it
	@$(PLATFORM) image

.PHONY: rotate-webhook-secret
rotate-webhook-secret: tools build ## Give the webhook a new secret; the one of before is good for an hour more
	@$(PLATFORM) rotate-webhook-secret

.PHONY: destroy-all
destroy-all: tools ## Remove the whole installation (FORCE=yes loses the state of deployed workloads)
	@$(PLATFORM) destroy-all

# Never from the cache: Go does not know that the rehearsal compiles programs
# which are not part of its test.
.PHONY: test
test: tools build ## Run the tests of the workspace, the long suites in their short form
	@go test -count=1 -short -timeout 25m work

.PHONY: test-long
test-long: tools build ## Run the long suites whole: the deployer on the real engine, every scenario of the rehearsal
	@go test -count=1 -timeout 40m ./lib/deploy ./lib/rehearsal

.PHONY: lint
lint: ## Vet, format, staticcheck and govulncheck (the last two when they can be fetched)
	@echo "==> gofmt"
	unformatted=$$(find . -name '*.go' -not -path './.tools/*' -not -path './dist/*' -exec gofmt -l {} +)
	if [ -n "$$unformatted" ]; then echo "error: not formatted, run gofmt -w on:" >&2; echo "$$unformatted" >&2; exit 1; fi
	echo "==> go vet"
	go vet work
	echo "==> staticcheck"
	if go run $(STATICCHECK) -version >/dev/null 2>&1; then go run $(STATICCHECK) $(PACKAGES); else echo "staticcheck can't be fetched here: skipped"; fi
	echo "==> govulncheck"
	for module in $(MODULES); do
	  if output=$$(cd "$$module" && go run $(GOVULNCHECK) ./... 2>&1); then echo "$$module: nothing found"; continue; fi
	  # Neither the tool nor its database is ours to have: skip without them.
	  if grep -qE 'fetching vulnerabilities|^go: .*govulncheck' <<< "$$output"; then echo "govulncheck or its database can't be fetched here: skipped"; break; fi
	  echo "$$output" >&2
	  exit 1
	done

.PHONY: facts
facts: ## Print the rules of AWS, GitHub and Pulumi that the code holds to: rule, page, where enforced
	@go run ./lib/cmd/facts

.PHONY: bench
bench: ## Run the benchmarks
	@go test -run '^$$' -bench . -benchmem $(PACKAGES) | grep -vE '^(PASS|ok|\?)'

.PHONY: packages
packages: ## Draw the packages in docs/architecture.md from their imports
	@go run ./lib/cmd/packages

.PHONY: build lambda image-context
build: lambda image-context ## Build the Lambda functions, the deployer and the image's source into dist/

lambda: ## Build the Lambda functions into dist/lambda (LAMBDA_ARCH=arm64 or amd64)
	@for f in receiver scangate starter; do
	  echo "==> dist/lambda/$$f/bootstrap ($(LAMBDA_ARCH))"
	  GOARCH=$(LAMBDA_ARCH) $(GO_STATIC) -tags lambda.norpc -o dist/lambda/$$f/bootstrap ./lib/cmd/$$f
	done

image-context: ## Assemble the source of the build image into dist/image
	@echo "==> dist/image"
	rm -rf dist/image
	mkdir -p dist/image/tools
	GOARCH=$(IMAGE_ARCH) $(GO_STATIC) -o dist/image/deployer ./lib/cmd/deployer
	cp -R image/. dist/image/
	for d in . gohost yamlhost; do
	  mkdir -p dist/image/tools/$$d
	  cp tools/$$d/go.mod tools/$$d/go.sum dist/image/tools/$$d/
	done

.PHONY: tools
tools: ## Build the pinned Pulumi CLI and language hosts into .tools/bin, once
	@bin="$(BIN)"
	mkdir -p "$$bin"
	# The folder is on the PATH: an official CLI is one found elsewhere.
	official="$(OFFICIAL)"
	if [ "$$("$$bin/pulumi" version 2>/dev/null || true)" != $(PULUMI_VERSION) ]; then
	  rm -f "$$bin/pulumi"
	  if [ -n "$$official" ] && [ "$$official" != "$$bin/pulumi" ] && [ "$$("$$official" version 2>/dev/null || true)" = $(PULUMI_VERSION) ]; then
	    echo "==> using $$official $(PULUMI_VERSION)"
	    ln -sf "$$official" "$$bin/pulumi"
	    for host in go yaml; do
	      if [ -x "$$(dirname "$$official")/pulumi-language-$$host" ]; then ln -sf "$$(dirname "$$official")/pulumi-language-$$host" "$$bin/"; fi
	    done
	  else
	    echo "==> building the Pulumi CLI $(PULUMI_VERSION): once, about 3 minutes on 2 cores"
	    (cd tools && GOWORK=off go build -ldflags "-X github.com/pulumi/pulumi/sdk/v3/go/common/version.Version=$(PULUMI_VERSION)" -o "$$bin/pulumi" github.com/pulumi/pulumi/pkg/v3/cmd/pulumi)
	  fi
	fi
	host() { # name, module in whose go.mod it is pinned, folder, package
	  if [ -L "$$bin/$$1" ] && [ -x "$$bin/$$1" ]; then return; fi
	  wanted=$$(awk -v m="$$2" '$$1 == m {print $$2}' tools/$$3/go.mod)
	  built=$$(go version -m "$$bin/$$1" 2>/dev/null | awk '$$1 == "mod" {print $$3}' || true)
	  if [ -n "$$wanted" ] && [ "$$built" = "$$wanted" ]; then return; fi
	  echo "==> building $$1 $$wanted: once, about half a minute"
	  (cd tools/$$3 && GOWORK=off go build -o "$$bin/$$1" "$$4")
	}
	host pulumi-language-go github.com/pulumi/pulumi/sdk/v3 gohost github.com/pulumi/pulumi/sdk/v3/go/pulumi-language-go
	host pulumi-language-yaml github.com/pulumi/pulumi-yaml yamlhost github.com/pulumi/pulumi-yaml/cmd/pulumi-language-yaml

.PHONY: clean
clean: ## Remove what was built, but not the tools
	@rm -rf dist
