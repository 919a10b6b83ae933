package fault

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"reflect"
	"strings"
	"time"
)

// ProblemType is the media type of a [Problem].
const ProblemType = "application/problem+json"

// longestWait bounds what a document may ask for, so that sums with it hold.
const longestWait = 365 * 24 * time.Hour

// longestDetail is how much of a message leaves the process, in bytes.
const longestDetail = 4 << 10

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
	// Detail is the Message of the Error, of a very long one the first 4 KiB.
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
		if len(p.Detail) > longestDetail {
			p.Detail = strings.ToValidUTF8(p.Detail[:longestDetail], "") + "…"
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

// UnmarshalJSON reads a document. As RFC 9457 asks, a member of another type than
// it should have is passed over, so that a foreign document loses nothing else.
// Numbers in Details are [json.Number], which loses no digit.
func (p *Problem) UnmarshalJSON(text []byte) error {
	var members map[string]json.RawMessage
	if err := json.Unmarshal(text, &members); err != nil {
		return err
	}
	*p = Problem{}
	for name, into := range map[string]any{
		"type": &p.Type, "title": &p.Title, "status": &p.Status, "detail": &p.Detail, "code": &p.Code, "reason": &p.Reason,
		"retry_after": &p.RetryAfter, "unprocessed": &p.Unprocessed, "repeated": &p.Repeated, "service": &p.Service, "details": &p.Details,
	} {
		member, ok := members[name]
		if !ok {
			continue
		}
		d := json.NewDecoder(bytes.NewReader(member))
		d.UseNumber()
		if d.Decode(into) != nil {
			reflect.ValueOf(into).Elem().SetZero() // it may be filled in part
		}
	}
	return nil
}

// Err is the Error that the document describes. A document with no code that
// is known here is classed by its status, as [FromHTTPStatus] does, but for 404: who
// describes it has looked for something, and it is [NotFound].
func (p Problem) Err() *Error {
	code, ok := ParseCode(p.Code)
	switch {
	case ok:
	case p.Status == http.StatusNotFound:
		code = NotFound
	default:
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
		return c.words()
	}
}
