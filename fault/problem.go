package fault

import (
	"errors"
	"net/http"
	"time"
)

// ProblemType is the media type of a [Problem].
const ProblemType = "application/problem+json"

// longestWait bounds what a document may ask for, so that sums with it hold.
const longestWait = 365 * 24 * time.Hour

// Problem is a failure as a JSON document after RFC 9457, the form in which it
// crosses HTTP. code, reason, details, retry_after, unprocessed, repeated and
// service are extension members.
type Problem struct {
	// Type is a URI for the kind of problem, "about:blank" from [ProblemOf].
	Type string `json:"type,omitempty"`
	// Title is the HTTP status in words.
	Title string `json:"title,omitempty"`
	// Status is the HTTP status.
	Status int `json:"status,omitempty"`
	// Detail is the Message of the Error.
	Detail string `json:"detail,omitempty"`
	// Code is the class in snake case: "not_found".
	Code string `json:"code,omitempty"`
	// Reason names the rule that refused.
	Reason string `json:"reason,omitempty"`
	// Details is more data for the caller.
	Details map[string]any `json:"details,omitempty"`
	// RetryAfter is a duration in Go's form: "1.5s". More than a year counts as
	// a year.
	RetryAfter string `json:"retry_after,omitempty"`
	// Unprocessed says that no handler ran.
	Unprocessed bool `json:"unprocessed,omitempty"`
	// Repeated says that the call was repeated already.
	Repeated bool `json:"repeated,omitempty"`
	// Service is the one that failed, where it is not the one that answers.
	Service string `json:"service,omitempty"`
}

// ProblemOf is what a caller may see of err, which must not be nil. Of an error
// that is no [Error] it shows the class alone.
func ProblemOf(err error) Problem {
	code := CodeOf(err)
	p := Problem{Type: "about:blank", Status: code.HTTPStatus(), Code: code.String(), Detail: discreet(code)}
	if e, ok := errors.AsType[*Error](err); ok {
		if e.Message != "" {
			p.Detail = e.Message
		}
		if e.Status >= 400 && e.Status < 600 {
			p.Status = e.Status
		}
		if e.RetryAfter > 0 {
			p.RetryAfter = e.RetryAfter.String()
		}
		p.Reason, p.Details, p.Unprocessed, p.Repeated, p.Service = e.Reason, e.Details, e.Unprocessed, e.Repeated, e.Service
	}
	p.Title = http.StatusText(p.Status)
	if p.Status == 499 {
		p.Title = "Client Closed Request"
	}
	return p
}

// Err is the Error that the document describes. A document with no code that
// is known here is classed by its status.
func (p Problem) Err() *Error {
	code, ok := ParseCode(p.Code)
	if !ok {
		code = FromHTTPStatus(p.Status).known()
	}
	e := &Error{
		Code: code, Message: p.Detail, Reason: p.Reason, Details: p.Details, Unprocessed: p.Unprocessed, Repeated: p.Repeated,
		Service: p.Service, Relayed: p.Service != "",
	}
	if e.Message == "" {
		e.Message = p.Title
	}
	if d, err := time.ParseDuration(p.RetryAfter); err == nil && d > 0 {
		e.RetryAfter = min(d, longestWait)
	}
	if p.Status != code.HTTPStatus() && p.Status >= 400 && p.Status < 600 {
		e.Status = p.Status
	}
	return e
}

func discreet(c Code) string {
	switch c {
	case Unknown, Internal:
		return "internal error"
	case Canceled:
		return "the caller gave up"
	case DeadlineExceeded:
		return "the time for the call ran out"
	default:
		return c.Error()
	}
}
