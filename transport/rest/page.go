package rest

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"iter"
	"math/bits"
	"reflect"

	"github.com/sinew-go/sinew/endpoint"
	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/internal/absent"
	"github.com/sinew-go/sinew/internal/ellipsis"
)

// Cursor says where in a list a page begins; empty is the beginning of the list. Callers
// do not know what is in it: they send the one that the page before had as its Next. A
// request for a page has one field of this type:
//
//	type ListOrders struct {
//		After rest.Cursor `query:"after" json:"-"`
//		Limit int         `query:"limit" default:"50" json:"-"`
//	}
type Cursor string

// Page is a part of a list, as the answer of a route, or embedded in one. [All] reads the
// whole list.
type Page[T any] struct {
	Items []T `json:"items"`
	// Next is where the next page begins, empty after the last one.
	Next Cursor `json:"next,omitempty"`
}

func (p Page[T]) content() ([]T, Cursor) { return p.Items, p.Next }

// CursorOf returns the cursor of a key, such as the order and the id of the last item of a
// page. It panics if key has no JSON form.
func CursorOf(key any) Cursor {
	text, err := json.Marshal(key)
	if err != nil {
		panic("rest.CursorOf: " + err.Error())
	}
	return Cursor(base64.RawURLEncoding.EncodeToString(text))
}

// Decode reads the key that [CursorOf] was given into key, a pointer. An empty cursor
// leaves key as it is. A cursor that is none of those, or of another type, is the caller's
// mistake, fault.InvalidArgument. It is not signed: what the caller may not see must not
// depend on it.
func (c Cursor) Decode(key any) error {
	if c == "" {
		return nil
	}
	text, err := base64.RawURLEncoding.Strict().DecodeString(string(c))
	if err == nil {
		d := json.NewDecoder(bytes.NewReader(text))
		d.DisallowUnknownFields()
		if err = d.Decode(key); err == nil {
			if _, end := d.Token(); !errors.Is(end, io.EOF) {
				err = errors.New("more follows the key")
			}
		}
	}
	if err != nil {
		return fault.InvalidArgument.Errorf("the cursor %q is none that a page of this list has: %w", ellipsis.Cut(string(c), maxQuotedError), err)
	}
	return nil
}

// All returns the items of a list, page by page, beginning with the page that first asks
// for. list is the endpoint of a route whose answer is a [Page], a pointer to one, or a
// struct that embeds one:
//
//	for order, err := range rest.All(ctx, listOrders, &ListOrders{Limit: 50}) {
//
// A page is requested when the items before it are used up. A failure comes once, as the
// last pair, and so does fault.Internal if the cursors go in a circle. first is not
// changed; nil is a request without anything. All panics if the request has not exactly one field of type [Cursor].
func All[Req any, Resp interface{ content() ([]T, Cursor) }, T any](ctx context.Context, list endpoint.Endpoint[Req, Resp], first Req) iter.Seq2[T, error] {
	index := cursorIndexOf(reflect.TypeFor[Req]())
	return func(yield func(T, error) bool) {
		var none T
		var seen Cursor // that of the last page whose number is a power of two (Brent, 1980)
		request := first
		if absent.Is(first) {
			request = withText(first, index, "")
		}
		for page := 1; ; page++ {
			answer, err := list(ctx, request)
			if err == nil && absent.Is(answer) {
				err = fault.Internal.Errorf("page %d of the list is nil", page)
			}
			if err != nil {
				yield(none, err)
				return
			}
			items, after := answer.content()
			for _, item := range items {
				if !yield(item, nil) {
					return
				}
			}
			if after == "" {
				return
			}
			if request = withText(request, index, string(after)); after == seen {
				yield(none, fault.Internal.Errorf("the list never ends: page %d has the cursor of an earlier page as its next", page))
				return
			}
			if bits.OnesCount(uint(page)) == 1 {
				seen = after
			}
		}
	}
}

// cursorIndexOf returns where a request has its Cursor.
func cursorIndexOf(t reflect.Type) []int {
	isCursor := func(f reflect.StructField) bool { return f.Type == reflect.TypeFor[Cursor]() }
	return onlyField("rest.All", t, "fields of type rest.Cursor", isCursor)
}
