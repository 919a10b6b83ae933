package fault

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"reflect"
	"time"

	"github.com/sinew-go/sinew/internal/ellipsis"
)

// ProblemType is the media type of a [Problem].
const ProblemType = "application/problem+json"

// maxRetryAfter bounds what a document may ask for, so that sums with it do not overflow.
const maxRetryAfter = 365 * 24 * time.Hour

// maxDetailBytes is how many bytes of a message leave the process.
const maxDetailBytes = 4 << 10

// Problem is a failure as a JSON document after RFC 9457, the form in which it crosses
// HTTP. code, reason, errors, details, retry_after, unprocessed, repeated and service are
// extension members.
type Problem struct {
	// Type is a URI for the kind of problem, "about:blank" from [ProblemOf].
	Type string `json:"type,omitempty"`
	// Title is the HTTP status in words.
	Title string `json:"title,omitempty"`
	// Status is the HTTP status.
	Status int `json:"status,omitempty"`
	// Detail is the Message of the Error, at most the first 4 KiB of it. If the Error has
	// none, Detail is the class in words.
	Detail string `json:"detail,omitempty"`
	// Code is the class in snake case: "not_found".
	Code string `json:"code,omitempty"`
	// Reason names the rule that refused.
	Reason string `json:"reason,omitempty"`
	// Errors is what is wrong with which parts of the request: the first 20 Violations of
	// the Error, each with at most 512 bytes of text.
	Errors []Violation `json:"errors,omitempty"`
	// Details is further data for the caller.
	Details map[string]any `json:"details,omitempty"`
	// RetryAfter is how long the caller should wait before it repeats the call, as a
	// duration in Go's form: "1.5s". Its reader treats more than a year as a year.
	RetryAfter string `json:"retry_after,omitempty"`
	// Unprocessed says that no handler ran.
	Unprocessed bool `json:"unprocessed,omitempty"`
	// Repeated says that the call was repeated already.
	Repeated bool `json:"repeated,omitempty"`
	// Service is the name of the service that failed, if it is not the one that answers.
	Service string `json:"service,omitempty"`
}

// ProblemOf returns what a caller may see of err, which must not be nil. Of an error that
// is not an [Error] it shows the class only.
func ProblemOf(err error) Problem {
	code := CodeOf(err)
	p := Problem{Type: "about:blank", Status: code.HTTPStatus(), Code: code.String(), Detail: publicText(code)}
	if e, ok := errors.AsType[*Error](err); ok {
		if e.Message != "" {
			p.Detail = ellipsis.Cut(e.Message, maxDetailBytes)
		}
		p.Errors = boundViolations(e.Violations)
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

// UnmarshalJSON reads a document. It ignores a member of a wrong type, as RFC 9457
// requires, and so reads the other members of a foreign document. Numbers in Details are
// [json.Number], which loses no digit.
func (p *Problem) UnmarshalJSON(text []byte) error {
	var members map[string]json.RawMessage
	if err := json.Unmarshal(text, &members); err != nil {
		return err
	}
	*p = Problem{}
	for name, into := range map[string]any{
		"type": &p.Type, "title": &p.Title, "status": &p.Status, "detail": &p.Detail, "code": &p.Code, "reason": &p.Reason,
		"retry_after": &p.RetryAfter, "unprocessed": &p.Unprocessed, "repeated": &p.Repeated, "service": &p.Service, "errors": &p.Errors, "details": &p.Details,
	} {
		member, ok := members[name]
		if !ok {
			continue
		}
		d := json.NewDecoder(bytes.NewReader(member))
		d.UseNumber()
		if d.Decode(into) != nil {
			reflect.ValueOf(into).Elem().SetZero() // it may be partly filled
		}
	}
	return nil
}

// Err returns the Error that the document describes. Without a known code, the class is
// that of the status, as in [FromHTTPStatus], except for 404: that is [NotFound], since
// whoever sends a document about it has searched for something.
func (p Problem) Err() *Error {
	code, ok := ParseCode(p.Code)
	switch {
	case ok:
	case p.Status == http.StatusNotFound:
		code = NotFound
	default:
		code = FromHTTPStatus(p.Status).orUnknown()
	}
	e := &Error{
		Code: code, Message: p.Detail, Reason: p.Reason, Violations: boundViolations(p.Errors), Details: p.Details, Unprocessed: p.Unprocessed, Repeated: p.Repeated,
		Service: p.Service, Relayed: p.Service != "",
	}
	if e.Message == "" {
		e.Message = p.Title
	}
	if d, err := time.ParseDuration(p.RetryAfter); err == nil && d > 0 {
		e.RetryAfter = min(d, maxRetryAfter)
	}
	if p.Status != code.HTTPStatus() && p.Status >= 400 && p.Status < 600 {
		e.Status = p.Status
	}
	return e
}

func publicText(c Code) string {
	switch c {
	case Unknown, Internal:
		return "internal error"
	case Canceled:
		return "the caller gave up"
	case DeadlineExceeded:
		return "the time for the call ran out"
	default:
		return c.phrase()
	}
}
