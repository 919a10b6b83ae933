package wire

import (
	"strings"

	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/internal/ellipsis"
)

// MaxViolations bounds how many violations an answer has.
const MaxViolations = 20

// maxField and maxViolationDetail bound what is read of a violation, in bytes.
const maxField, maxViolationDetail = 256, 204

// FieldOf returns the place of a violation as google.rpc.BadRequest has it: the path of a
// field is "lines[0].quantity" where that of the violation is "/lines/0/quantity".
func FieldOf(v fault.Violation) string {
	if v.Parameter != "" {
		return v.Parameter
	}
	return fault.Violation{Pointer: v.Pointer}.Error()
}

// ViolationAt is the inverse of FieldOf, except that each violation is one of the body.
func ViolationAt(field, detail string) fault.Violation {
	return fault.Violation{Pointer: pointer(ellipsis.Cut(field, maxField)), Detail: ellipsis.Cut(detail, maxViolationDetail)}
}

func pointer(field string) string {
	if field == "" {
		return ""
	}
	parts := strings.FieldsFunc(field, func(r rune) bool { return r == '.' || r == '[' || r == ']' })
	for i, part := range parts {
		parts[i] = strings.NewReplacer("~", "~0", "/", "~1").Replace(part)
	}
	return "/" + strings.Join(parts, "/")
}
