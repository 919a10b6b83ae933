package rest

import (
	"reflect"

	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/internal/jsonschema"
)

// problemSchema is the name of the schema of a failure.
const problemSchema = "Problem"

// addProblemSchema adds the schema of a failure, after RFC 9457.
func (d *document) addProblemSchema() {
	s := d.Object(reflect.TypeFor[fault.Problem](), nil)
	s["required"] = []string{"type", "status", "detail", "code"}
	for name, text := range map[string]string{
		"code": "The class of the failure, such as not_found.", "reason": "The rule that refused, where one did.",
		"errors":  "What is wrong with which parts of the request.",
		"details": "More about the failure.", "retry_after": "How long to wait before the next try, such as 1.5s.",
		"unprocessed": "No handler ran, so that any operation may be repeated.", "repeated": "The call was repeated already.",
		"service": "The service that failed, where it is not the one that answers.",
	} {
		s["properties"].(map[string]any)[name].(map[string]any)["description"] = text
	}
	s["properties"].(map[string]any)["errors"].(map[string]any)["items"] = violationSchema()
	d.ByName[problemSchema] = s
}

// violationSchema returns the schema of a [fault.Violation].
func violationSchema() map[string]any {
	described := func(text string) map[string]any {
		return map[string]any{"type": "string", "description": text}
	}
	return map[string]any{"type": "object", "required": []string{"detail"}, "properties": map[string]any{
		"pointer":   described("A JSON Pointer (RFC 6901) into the body; empty for the body, or the request, as a whole."),
		"parameter": described("The parameter that has the fault, if it is not in the body."),
		"in":        map[string]any{"type": "string", "enum": []string{"path", "query", "header", "cookie"}},
		"detail":    jsonschema.Type("string"),
	}}
}
