package wire_test

import (
	"testing"

	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/internal/wire"
)

func TestThePlaceOfAViolationIsAPathOfFields(t *testing.T) {
	for pointer, want := range map[string]string{
		"": "", "/user_id": "user_id", "/lines/0/quantity": "lines[0].quantity", "/a~1b/c~0d": "a/b.c~d",
	} {
		got := wire.FieldOf(fault.Violation{Pointer: pointer})
		if got != want {
			t.Errorf("%q is the field %q, want %q", pointer, got, want)
		}
		if back := wire.ViolationAt(got, "").Pointer; back != pointer {
			t.Errorf("the field %q is at %q, want %q", got, back, pointer)
		}
	}
	if got := wire.FieldOf(fault.Violation{Parameter: "limit", In: "query"}); got != "limit" {
		t.Errorf("a parameter is the field %q, want its name", got)
	}
}
