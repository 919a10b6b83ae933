package rest_test

import (
	"context"
	"encoding/json"
	"iter"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/sinew-go/sinew/endpoint"
	"github.com/sinew-go/sinew/transport/rest"
)

// handlersOf has the handlers of routes.
type handlersOf struct {
	*http.ServeMux
	all []http.Handler
}

func (k *handlersOf) Handle(pattern string, h http.Handler) { k.all = append(k.all, h) }

func TestTheDocumentDescribesBodiesThatAreNoJSON(t *testing.T) {
	mux := &handlersOf{}
	putFile.Handle(mux, size)
	getFile.Handle(mux, func(context.Context, *download) (*content, error) { return nil, nil })
	watchEvents.Handle(mux, func(context.Context, watch) (iter.Seq2[rest.Event[status], error], error) { return nil, nil })
	importNotes.Handle(mux, countNotes)
	text, err := json.Marshal(rest.OpenAPI("files", "1", mux.all...))
	if err != nil {
		t.Fatal(err)
	}
	var d struct {
		Paths map[string]map[string]struct {
			RequestBody struct{ Content map[string]map[string]any }
			Responses   map[string]struct{ Content map[string]map[string]any }
		}
		Components struct{ Schemas map[string]any }
	}
	if err := json.Unmarshal(text, &d); err != nil {
		t.Fatal(err)
	}
	kinds := func(content map[string]map[string]any) string {
		var all []string
		for kind := range content {
			all = append(all, kind)
		}
		slices.Sort(all)
		return strings.Join(all, " ")
	}
	put, get := d.Paths["/files/{id}"]["put"], d.Paths["/files/{id}"]["get"]
	events, notes := d.Paths["/orders/{id}/events"]["get"], d.Paths["/notes"]["post"]
	for what, c := range map[string]struct{ got, want string }{
		"an upload":                {kinds(put.RequestBody.Content), "image/* text/plain"},
		"an upload of other types": {kinds(put.Responses["415"].Content), "application/problem+json"},
		"an upload that is large":  {kinds(put.Responses["413"].Content), "application/problem+json"},
		"a download":               {kinds(get.Responses["200"].Content), "image/* text/plain"},
		"a part":                   {kinds(get.Responses["206"].Content), "image/* text/plain"},
		"what has not changed":     {kinds(get.Responses["304"].Content), ""},
		"a part that is not there": {kinds(get.Responses["416"].Content), "application/problem+json"},
		"a stream":                 {kinds(events.Responses["200"].Content), "application/x-ndjson text/event-stream"},
		"many values":              {kinds(notes.RequestBody.Content), "application/jsonl application/x-ndjson"},
	} {
		if c.got != c.want {
			t.Errorf("%s is described as %q, want %q", what, c.got, c.want)
		}
	}
	for kind, content := range events.Responses["200"].Content {
		item, _ := content["x-item-schema"].(map[string]any)
		ref, _ := item["$ref"].(string)
		name := ref[strings.LastIndex(ref, "/")+1:]
		if d.Components.Schemas[name] == nil {
			t.Errorf("the values of %s are described as %v, which is not there", kind, item)
		}
	}
}

func TestTheTagsOfABodyOfBytesAreInTheDocument(t *testing.T) {
	type upload struct {
		Data []byte `body:"image/png, image/jpeg" schema:"required,minLength=1" doc:"A picture."`
	}
	mux := &listing{ServeMux: http.NewServeMux()}
	rest.Route[upload, endpoint.None]{Pattern: "PUT /x"}.Handle(mux, func(context.Context, upload) (endpoint.None, error) { return endpoint.None{}, nil })
	for _, kind := range []string{"image/png", "image/jpeg"} {
		got := documented(t, mux.handlers, "paths", "/x", "put", "requestBody", "content", kind, "schema")
		if want := map[string]any{"minLength": 1.0, "description": "A picture."}; !reflect.DeepEqual(got, want) {
			t.Errorf("%s has the schema %v, want %v", kind, got, want)
		}
	}
}
