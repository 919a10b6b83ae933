package grpc

import (
	"strings"

	"google.golang.org/genproto/googleapis/rpc/errdetails"

	"github.com/sinew-go/sinew/fault"
)

// maxViolations bounds what is read of an answer.
const maxViolations = 20

// badRequest returns the violations in the words of gRPC, whose path of a field is
// "lines[0].quantity" where that of a violation is "/lines/0/quantity".
func badRequest(all []fault.Violation) *errdetails.BadRequest {
	b := &errdetails.BadRequest{}
	for _, v := range all {
		field := v.Parameter
		if field == "" {
			field = fault.Violation{Pointer: v.Pointer}.Error() // "lines[0].quantity"
		}
		b.FieldViolations = append(b.FieldViolations, &errdetails.BadRequest_FieldViolation{Field: field, Description: v.Detail})
	}
	return b
}

// violations is the inverse of badRequest, except that each is one of the body.
func violations(b *errdetails.BadRequest) (all []fault.Violation) {
	for _, v := range b.GetFieldViolations() {
		if len(all) == maxViolations {
			break
		}
		all = append(all, fault.Violation{
			Pointer: pointer(truncate(v.GetField(), maxField)), Detail: truncate(v.GetDescription(), maxRemoteMessage/maxViolations),
		})
	}
	return all
}

// maxField bounds the path of a field that is read, in bytes.
const maxField = 256

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
