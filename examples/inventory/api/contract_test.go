package api_test

import (
	"testing"

	"github.com/sinew-go/sinew/apitest"
	"github.com/sinew-go/sinew/examples/inventory/api"
)

func TestTheContractBreaksNobody(t *testing.T) {
	apitest.Golden(t, "api.golden.json", api.Reserve, api.GetStock, api.LowStock)
}
