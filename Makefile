# Everything that is installed or runs for tests lives in one folder.
CACHE   := $(abspath $(or $(MEEPO_CACHE_DIR),.cache))
VERSION ?= $(or $(shell git describe --tags --always --dirty 2>/dev/null),unknown)
FUZZTIME ?= 30s
LINTER  := $(CACHE)/tools/golangci-lint
ALERTS  := $(CACHE)/tools/alerts
# The servers of somebody's shell are not those of a check: it needs none.
WITHOUT_SERVERS := env $(foreach s,MYSQL MYSQL_NOGTID MYSQL_MINIMAL MYSQL_NATIVEFK MARIADB POSTGRES POSTGRES_DIST ELASTIC MONGO,-u MEEPO_TEST_$(s)_URL) \
	-u MEEPO_TEST_RUN_DIR -u MEEPO_REQUIRE_SERVERS

.DEFAULT_GOAL := help
.PHONY: help build check vet lint test fuzz matrix mutations bench soak soak-tables servers-up servers-down demo clean

help: ## List these targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

build: ## Build the static binary bin/meepo-replicate
	CGO_ENABLED=0 go build -trimpath -ldflags "-s -w -X main.version=$(VERSION)" -o bin/meepo-replicate ./cmd/meepo-replicate

check: build vet lint $(ALERTS) ## Build, vet, lint, and run the tests that need no servers
	@$(WITHOUT_SERVERS) go run ./internal/testreport go test -json -timeout 5m ./...

vet:
	go vet ./...

lint: $(LINTER) ## Run the linters of .golangci.yaml
	$(LINTER) run --allow-parallel-runners ./...

# The linter's dependencies stay out of the project's go.mod; it is built once.
$(LINTER): tools/go.mod tools/go.sum
	@echo "building golangci-lint, once; this takes some minutes"
	@mkdir -p $(@D)
	cd tools && go build -o $@ github.com/golangci/golangci-lint/v2/cmd/golangci-lint
	@touch $@

# A test builds it again, which takes long the first time only: that time is not the test's.
$(ALERTS): tools/alerts/go.mod tools/alerts/go.sum $(wildcard tools/alerts/*.go)
	@mkdir -p $(@D)
	cd tools/alerts && go vet . && go build -o $@ .

test: $(ALERTS) ## Run all tests on fresh real servers, and fuzz a little; fails when one fails or is skipped
	@scripts/race-install.sh
	@mkdir -p bin && go build -o bin/testreport ./internal/testreport
	@status=0; scripts/fuzz.sh 2s fresh || status=$$?; \
	MEEPO_REQUIRE_SERVERS=1 scripts/servers/run.sh bin/testreport -complete go test -json -race -timeout 45m ./... && exit $$status

fuzz: ## Fuzz each target in turn, for 30 s or FUZZTIME
	@scripts/fuzz.sh $(FUZZTIME)

matrix: ## Kill at every point between every source and target, and write README's table of it
	scripts/servers/run.sh go run ./internal/matrix/write README.md

bench: ## Measure backfill, follow and peak memory beside their limits
	go test -run '^$$' -bench '^BenchmarkPlan$$' -benchmem ./mappings
	scripts/servers/run.sh go test -tags bench -count=1 -v -timeout 60m -run '^TestBench' ./internal/e2e

soak: ## Let everything go wrong under writers for SOAK=10m, as SEED=7 has it (FLAVOR=mysql)
	scripts/servers/run.sh go test -tags soak -count=1 -v -timeout 0 -artifacts -outputdir $(CACHE) -run '^TestNemesis_Soak$$' ./internal/e2e

soak-tables: ## Copy large tables under writers, ten times, outlast an outage, idle beside a busy database, verify a million rows (SOAK_ROWS, SOAK_RUNS, SOAK_MEGABYTES)
	scripts/servers/run.sh go test -tags soak -count=1 -v -timeout 180m -run '^TestSoak' ./internal/e2e

mutations: ## Take mechanisms out of the program, one at a time: a test and the nemesis must notice
	scripts/servers/run.sh go test -tags mutations -count=1 -v -timeout 60m -run '^TestMutations$$' ./internal/e2e

servers-up: ## Start the tests' servers and leave them running; prints their addresses
	@scripts/servers/up.sh

servers-down: ## Stop them
	@scripts/servers/down.sh

demo: ## Show the tool at work on real servers
	@scripts/demo.sh

clean: servers-down ## Stop the servers; remove what was built, installed and logged
	@scripts/demo.sh stop
	rm -rf bin $(addprefix $(CACHE)/,install run test demo demo.log tools *.lock)
