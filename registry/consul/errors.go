package consul

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"

	"github.com/hashicorp/consul/api"

	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/internal/redact"
)

// finalStatuses are the statuses with which the same request is always refused.
var finalStatuses = []int{
	http.StatusMovedPermanently, http.StatusBadRequest, http.StatusMethodNotAllowed, http.StatusRequestEntityTooLarge,
	http.StatusRequestURITooLong, http.StatusUnprocessableEntity,
}

// fault returns err with what failed at which agent, and with the code that tells the
// caller who is responsible. ctx is the caller's own. Consul's answer is kept for the
// log.
func (r *Registry) fault(ctx context.Context, err error, doing string) error {
	err = redact.Error(err)
	code := fault.Unavailable
	status, answered := errors.AsType[api.StatusError](err)
	switch {
	case ctx.Err() != nil:
		code = fault.CodeOf(ctx.Err())
	case !answered:
	case status.Code == http.StatusUnauthorized:
		code = fault.Unauthenticated
	case status.Code == http.StatusForbidden:
		code = fault.PermissionDenied
	case slices.Contains(finalStatuses, status.Code):
		code = fault.InvalidArgument
	}
	return code.Errorf("Consul at %s: cannot %s: %w", r.address(), doing, err)
}

func (r *Registry) address() string {
	if r.config.Address == "" {
		return "its default address"
	}
	return redact.URL(r.config.Address)
}

// isUnknown reports whether the agent does not know the service or check. Before Consul
// 1.13 the status of that answer was 500.
func isUnknown(err error) bool {
	status, answered := errors.AsType[api.StatusError](err)
	return answered && (status.Code == http.StatusNotFound ||
		status.Code == http.StatusInternalServerError && strings.Contains(status.Body, "does not have associated TTL"))
}
