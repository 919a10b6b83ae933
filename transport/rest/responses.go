package rest

import (
	"cmp"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/internal/jsonschema"
	"github.com/sinew-go/sinew/internal/wire"
)

// responses describes the answers of an operation.
func (d *document) responses(c *contract) map[string]any {
	success := map[string]any{"description": cmp.Or(http.StatusText(c.status), "Success")}
	if c.json.t != nil {
		success["content"] = d.formsContent(c.answers, c.json.t, func() any { return d.Schema(c.json.t) })
	}
	switch {
	case c.values != nil:
		success["content"] = d.valuesContent(c.values)
	case c.response.whole != nil:
		success["content"] = d.wholeContent(c.response.whole)
	}
	if headers := c.responseHeaders(); headers != nil {
		success["headers"] = headers
	}
	all := map[string]any{strconv.Itoa(c.status): success}
	d.addPartial(all, c)
	for status, why := range c.refusals() {
		all[strconv.Itoa(status)] = c.failure(status, strings.Join(why, " "))
	}
	all["default"] = c.failure(http.StatusServiceUnavailable, "The request failed.")
	return all
}

// refusals returns why the operation refuses a request, by the status of the refusal: those
// of the route, and those that it declares. Any service may fail otherwise, too.
func (c *contract) refusals() map[int][]string {
	all := map[int][]string{}
	add := func(status int, why string) { all[status] = append(all[status], why) }
	if c.keyed || len(c.request.fields) > 0 || c.request.body || c.request.whole.isStreamed() {
		add(http.StatusBadRequest, "The request is wrong; errors has what is wrong with it.")
	}
	whole := c.request.whole
	if (c.request.body || whole != nil) && c.bodyLimit >= 0 {
		add(http.StatusRequestEntityTooLarge, "The body is larger than "+strconv.FormatInt(c.bodyLimit, 10)+" bytes.")
	}
	c.addFormRefusals(add)
	if whole != nil {
		add(http.StatusUnsupportedMediaType, "The body is not "+whole.types.String()+".")
	}
	if c.response.whole != nil && c.method == http.MethodGet {
		add(http.StatusPreconditionFailed, "The content is another one than If-Match or If-Unmodified-Since names.")
		add(http.StatusRequestedRangeNotSatisfiable, "The range is not within the content.")
	}
	if c.keyed {
		add(http.StatusConflict, "The first request with this key still runs, or its answer is not kept.")
		add(http.StatusUnprocessableEntity, "This key came with another request, or from another caller, before.")
	}
	if c.access.needs() != nil {
		add(http.StatusUnauthorized, "The request has no credentials, or none that are valid: see security.")
		add(http.StatusForbidden, "The credentials do not allow this operation.")
	}
	for _, err := range c.failures {
		p := fault.ProblemOf(err)
		why := failureTexts[fault.CodeOf(err)]
		if own, ok := errors.AsType[*fault.Error](err); ok && own.Message != "" {
			why = own.Message
		}
		if p.Reason != "" {
			why += " (" + p.Reason + ")"
		}
		add(p.Status, why)
	}
	return all
}

// failureTexts say what a failure means that a route declares.
var failureTexts = map[fault.Code]string{
	fault.Canceled:           "The caller gave up.",
	fault.Unknown:            "Something unknown went wrong.",
	fault.InvalidArgument:    "The request is wrong.",
	fault.DeadlineExceeded:   "The time for the call ran out.",
	fault.NotFound:           "What is asked for does not exist.",
	fault.AlreadyExists:      "What is to be created exists.",
	fault.PermissionDenied:   "The caller may not do this.",
	fault.ResourceExhausted:  "The caller's quota is used up.",
	fault.FailedPrecondition: "The state of things forbids it.",
	fault.Aborted:            "It is in conflict with another call.",
	fault.OutOfRange:         "The request goes past the end of the data.",
	fault.Unimplemented:      "There is no such operation.",
	fault.Internal:           "The service has a defect or broke down.",
	fault.Unavailable:        "The service cannot answer now.",
	fault.DataLoss:           "Data is lost or corrupt.",
	fault.Unauthenticated:    "The caller is not known.",
}

// failure describes an answer that is a problem document. That of a HEAD is in its header.
func (c *contract) failure(status int, why string) map[string]any {
	headers := map[string]any{}
	switch status {
	case http.StatusUnauthorized:
		if c.access.needs() != nil {
			headers["WWW-Authenticate"] = map[string]any{
				"description": "What HTTP knows of the schemes, such as Bearer.", "schema": jsonschema.Type("string"),
			}
		}
	case http.StatusConflict, http.StatusTooManyRequests, http.StatusServiceUnavailable:
		headers["Retry-After"] = map[string]any{
			"description": "How many seconds to wait before the next try.", "schema": jsonschema.Uint(64),
		}
	}
	failure := map[string]any{"description": why, "headers": headers}
	if c.method == http.MethodHead {
		headers[wire.HeaderProblem] = map[string]any{
			"description": "The problem document.", "schema": jsonschema.Type("string"),
		}
	} else {
		failure["content"] = content("application/problem+json", jsonschema.Reference(problemSchema))
	}
	if len(headers) == 0 {
		delete(failure, "headers")
	}
	return failure
}

// responseHeaders describes the headers of a success by name, nil if it has none.
func (c *contract) responseHeaders() map[string]any {
	all := map[string]any{}
	for _, h := range c.headers() {
		if slices.Contains(ignoredHeaders, h.Name) {
			continue
		}
		if h.In == "cookie" { // OpenAPI knows one header for all of them
			h.Name, h.Schema = "Set-Cookie", jsonschema.Type("string")
		}
		all[h.Name] = map[string]any{"schema": h.Schema}
	}
	if c.keyed {
		all[wire.HeaderReplayed] = map[string]any{
			"description": "This is the answer to the first request with the key.",
			"schema":      map[string]any{"type": "string", "enum": []string{"true"}},
		}
	}
	if len(all) == 0 {
		return nil
	}
	return all
}
