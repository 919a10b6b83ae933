package jsonschema_test

import (
	"encoding/json"
	"fmt"
	"reflect"

	"github.com/sinew-go/sinew/internal/jsonschema"
)

type line struct {
	SKU  string `json:"sku"`
	Note string `json:"note,omitempty"`
}

func ExampleCollection() {
	c := jsonschema.NewCollection()
	c.Schema(reflect.TypeFor[line]())
	c.Input = true
	c.Schema(reflect.TypeFor[line]())
	for _, name := range []string{"line", "lineInput"} {
		text, _ := json.Marshal(c.ByName[name])
		fmt.Println(name, string(text))
	}
	// Output:
	// line {"properties":{"note":{"type":"string"},"sku":{"type":"string"}},"required":["sku"],"type":"object"}
	// lineInput {"properties":{"note":{"type":"string"},"sku":{"type":"string"}},"type":"object"}
}
