MODULES := . eventbus/nats examples interop
SERVERS ?= $(HOME)/.cache/sinew-servers

.PHONY: test race lint ci bench servers shop

test: ; go test work

race: ; go test -race work

lint:
	go vet work
	for m in $(MODULES); do (cd $$m && GOWORK=off golangci-lint run --config $(CURDIR)/.golangci.yml ./...) || exit 1; done

ci: ; bash .ci/run

bench: ; go test -run '^$$' -bench . -benchmem ./...

# The real servers that adapters are tested on, from source.
servers: $(SERVERS)/consul $(SERVERS)/nats-server

$(SERVERS)/consul: servers/consul/go.mod
	cd servers/consul && GOWORK=off go build -o $@ github.com/hashicorp/consul

$(SERVERS)/nats-server: servers/nats/go.mod
	cd servers/nats && GOWORK=off go build -o $@ github.com/nats-io/nats-server/v2

shop: ; go run ./examples/shop
