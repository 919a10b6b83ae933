package jsonschema_test

import (
	"errors"
	"reflect"
	"slices"
	"testing"

	"github.com/sinew-go/sinew/internal/jsonschema"
)

type open string

func (open) Enum() []string { return []string{"a", "b"} }

type closed string

func (closed) Enum() []string { return []string{"a", "b"} }

func (c *closed) UnmarshalText(text []byte) error {
	if !slices.Contains(c.Enum(), string(text)) {
		return errors.New("no such value")
	}
	*c = closed(text)
	return nil
}

func TestAnEnumIsMarkedAsClosedIfItRefusesOtherValues(t *testing.T) {
	for typ, want := range map[reflect.Type]any{reflect.TypeFor[open](): nil, reflect.TypeFor[closed](): true} {
		c := jsonschema.NewCollection()
		c.MarkClosed = true
		if got := c.Schema(typ).(map[string]any)[jsonschema.Closed]; got != want {
			t.Errorf("%s is closed: %v, want %v", typ, got, want)
		}
	}
}
