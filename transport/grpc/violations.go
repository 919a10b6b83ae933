package grpc

import (
	"google.golang.org/genproto/googleapis/rpc/errdetails"

	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/internal/wire"
)

// badRequest returns the violations in the words of gRPC.
func badRequest(all []fault.Violation) *errdetails.BadRequest {
	b := &errdetails.BadRequest{}
	for _, v := range all {
		b.FieldViolations = append(b.FieldViolations,
			&errdetails.BadRequest_FieldViolation{Field: wire.FieldOf(v), Description: v.Detail})
	}
	return b
}

// violations is the inverse of badRequest, except that each is one of the body.
func violations(b *errdetails.BadRequest) (all []fault.Violation) {
	for _, v := range b.GetFieldViolations()[:min(len(b.GetFieldViolations()), wire.MaxViolations)] {
		all = append(all, wire.ViolationAt(v.GetField(), v.GetDescription()))
	}
	return all
}
