package rest

import (
	"math"
	"mime"
	"net/http"
	"strconv"

	"github.com/sinew-go/sinew/internal/contracts"
	"github.com/sinew-go/sinew/internal/jsonschema"
	"github.com/sinew-go/sinew/internal/wire"
)

// wholeContent describes a body that is no JSON, by its media types.
func (d *document) wholeContent(b *wholeBody) map[string]any {
	all := map[string]any{}
	for _, one := range b.types {
		kind, _, _ := mime.ParseMediaType(one)
		switch b.form {
		case valuesForm:
			all[kind] = streamContent(jsonschema.Type("string"), d.Schema(b.values.t), "Lines of JSON, each of which x-item-schema describes.")
		case partsForm:
			all[kind] = map[string]any{"schema": jsonschema.Type("object")}
		default:
			all[kind] = map[string]any{} // as OpenAPI 3.1 has bytes
		}
	}
	return all
}

// withKeywords adds what the tags of the field say to the media types of a body of bytes. In
// OpenAPI the length of bytes is their number, and they have no type.
func withKeywords(content map[string]any, b *wholeBody, said map[string]any) map[string]any {
	if len(said) == 0 || b.form != bytesForm && b.form != readerForm {
		return content
	}
	for kind := range content {
		content[kind] = map[string]any{"schema": said}
	}
	return content
}

// valuesContent describes an answer that is a stream of values.
func (d *document) valuesContent(v *values) map[string]any {
	const (
		events = "Server-sent events; x-item-schema describes the data of each. " +
			"The last one has the type end, or error and a problem document."
		lines = "Lines of JSON, each of which x-item-schema describes. " +
			"If the stream fails, the last one has the member error, a problem document."
	)
	all := map[string]any{}
	for _, form := range v.forms {
		if form == wire.EventStream {
			all[form] = streamContent(map[string]any{}, d.Schema(v.data.t), events) // readers disagree whether it is of one event or of all
		} else {
			all[form] = streamContent(jsonschema.Type("string"), d.Schema(v.t), lines)
		}
	}
	return all
}

// streamContent describes a stream, for which OpenAPI 3.1 has no words.
func streamContent(s map[string]any, item any, text string) map[string]any {
	s["description"] = text
	return map[string]any{"schema": s, "x-item-schema": item}
}

// addPartial adds the answers to a request for a part of a body, and for one that the caller
// has already.
func (d *document) addPartial(all map[string]any, c *contract) {
	if c.response.whole == nil || c.method != http.MethodGet || c.status != http.StatusOK {
		return
	}
	partial := map[string]any{"description": "The part that the header Range asks for.", "content": d.wholeContent(c.response.whole)}
	unchanged := map[string]any{"description": "The caller has it already, by If-None-Match or If-Modified-Since."}
	if headers := c.responseHeaders(); headers != nil {
		partial["headers"], unchanged["headers"] = headers, headers
	}
	all[strconv.Itoa(http.StatusPartialContent)], all[strconv.Itoa(http.StatusNotModified)] = partial, unchanged
}

// describe describes the body to package apitest.
func (b *wholeBody) describe() contracts.Value {
	if b.form == valuesForm {
		return contracts.Value{Type: b.values.t, Stream: true}
	}
	return contracts.Value{Media: b.types}
}

// describedLimit is the limit of a request's body as package apitest compares it.
func (c *contract) describedLimit() int64 {
	if c.bodyLimit < 0 {
		return math.MaxInt64
	}
	return c.bodyLimit
}
