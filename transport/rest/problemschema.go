package rest

import (
	"reflect"

	"github.com/sinew-go/sinew/fault"
)

// problemSchema is the name of the schema of a failure.
const problemSchema = "Problem"

// addProblemSchema adds the schema of a failure, after RFC 9457.
func (d *document) addProblemSchema() {
	s := d.Object(reflect.TypeFor[fault.Problem](), nil)
	s["required"] = []string{"type", "status", "detail", "code"}
	for name, text := range map[string]string{
		"code": "The class of the failure, such as not_found.", "reason": "The rule that refused, where one did.",
		"details": "More about the failure.", "retry_after": "How long to wait before the next try, such as 1.5s.",
		"unprocessed": "No handler ran, so that any operation may be repeated.", "repeated": "The call was repeated already.",
		"service": "The service that failed, where it is not the one that answers.",
	} {
		s["properties"].(map[string]any)[name].(map[string]any)["description"] = text
	}
	d.ByName[problemSchema] = s
}
