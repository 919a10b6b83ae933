.PHONY: test race lint fuzz storms chaos ci bench servers shop

test: ; go test work

race: ; go test -race work

lint:
	go vet work
	for m in . eventbus/eventstore eventbus/kafka eventbus/nats eventbus/outbox eventbus/watermill saga saga/temporal transport/gin transport/grpc transport/grpcgo examples interop; do \
		(cd $$m && GOWORK=off $$($(CURDIR)/.ci/tool golangci-lint) run --config $(CURDIR)/.golangci.yml ./...) || exit 1; \
	done

fuzz: ; .ci/fuzz 1000000x

# Plays every storm with twenty seeds, and draws the pictures of docs/resilience.md.
storms: ; SINEW_STORM_SEEDS=20 SINEW_STORM_CHARTS=$(CURDIR)/docs/storms go test -count=1 -timeout 60m -run Storm -v ./simtest

# Kills processes, databases and brokers at random: for a minute on each database, and during
# 50,000 orders and 1,000 orders of the shop on each stack. `make servers` says how the
# servers are found.
chaos: export SINEW_REQUIRE_SERVERS = 1
chaos:
	for m in eventbus/eventstore saga saga/temporal; do (cd $$m && SINEW_KILL_SECONDS=60 go test -count=1 -timeout 20m -run Killed -v .) || exit 1; done
	cd interop && SINEW_CHAOS_ORDERS=50000 go test -count=1 -timeout 90m -run WhateverIsKilled -v .
	cd examples && SINEW_CHAOS=1000 go test -count=1 -timeout 90m -run WhateverIsKilled -v ./shop

ci: ; bash .ci/run

bench: ; go test -run '^$$' -bench . -benchmem ./...

# Builds the real servers that adapters are tested on, and says how tests find them.
servers: ; @echo "export SINEW_CONSUL=$$(.ci/server consul) SINEW_NATS=$$(.ci/server nats) SINEW_KAFKA=$$(.ci/server kafka) SINEW_POSTGRES=$$(.ci/server postgres) SINEW_MARIADB=$$(.ci/server mariadb) SINEW_TEMPORAL=$$(.ci/server temporal) SINEW_CONNECT_NODE=$$(.ci/server connect-node)"

shop: ; go run ./examples/shop
