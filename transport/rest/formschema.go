package rest

import (
	"net/http"
	"reflect"
)

// formsContent describes a body by the media types of its forms. plain makes the schema of
// those that are what encoding/json makes of the type.
func (d *document) formsContent(all forms, t reflect.Type, plain func() any) map[string]any {
	content := map[string]any{}
	var asJSON any
	for _, f := range all {
		media := map[string]any{}
		switch {
		case f.Schema != nil:
			schema, named := f.Schema(deref(t))
			for name, one := range named {
				if d.ByName[name] == nil {
					d.ByName[name] = one
				}
			}
			media["schema"] = schema
		case f.IsJSON:
			if asJSON == nil {
				asJSON = plain()
			}
			media["schema"] = asJSON
		}
		content[f.kind] = media
	}
	return content
}

// addFormRefusals says which bodies and answers the operation does not have.
func (c *contract) addFormRefusals(add func(status int, why string)) {
	switch {
	case len(c.requests) == 1 && c.requests[0].own:
		add(http.StatusUnsupportedMediaType, "The body is not declared as JSON.")
	case len(c.requests) > 0:
		add(http.StatusUnsupportedMediaType, "The body is not declared as "+c.requests.String()+".")
	}
	if c.accept != "" {
		add(http.StatusNotAcceptable, "The caller accepts no "+c.answers.String()+".")
	}
}
