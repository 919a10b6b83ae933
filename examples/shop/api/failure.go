package api

import (
	"net/http"

	"github.com/sinew-go/sinew/fault"
)

// Conflict refuses what the state of the shop forbids. Its status is 409, since nothing is
// wrong with the request: it may be right at another time.
func Conflict(reason, format string, args ...any) error {
	return fault.FailedPrecondition.Errorf(format, args...).WithReason(reason).WithStatus(http.StatusConflict)
}

// What the operations of several services answer, for the OpenAPI document.
var (
	insufficientStock = Conflict("insufficient_stock", "The stock does not suffice.")
	illegalTransition = Conflict("illegal_transition", "The status of the order forbids it.")
	inactiveUser      = Conflict("user_not_active", "The user is not active.")
	tooMuchStock      = Conflict("too_much_stock", "There is as much as there shall be.")
	emailTaken        = fault.AlreadyExists.Errorf("Another user has the email address.").WithReason("email_taken")
)
