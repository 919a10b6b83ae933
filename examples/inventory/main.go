// Command inventory is a complete service as it runs in production: it serves its
// contract at :8080, registers with the Consul agent of its machine, and drains on
// SIGTERM.
package main

import (
	"log"

	"github.com/sinew-go/sinew"
	"github.com/sinew-go/sinew/examples/inventory/api"
	"github.com/sinew-go/sinew/examples/inventory/stock"
	"github.com/sinew-go/sinew/registry/consul"
)

func main() {
	reg, err := consul.New(consul.Config{})
	if err != nil {
		log.Fatal(err)
	}

	svc := sinew.New("inventory", sinew.Config{Version: "1.4.0", Registry: reg})
	api.Reserve.Handle(svc, stock.Reserve)
	api.GetStock.Handle(svc, stock.Get)
	svc.Main() // listen, get ready, register; /healthz /readyz /metrics /openapi.json; drain on SIGTERM
}
