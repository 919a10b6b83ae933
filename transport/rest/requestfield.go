package rest

import (
	"fmt"
	"reflect"
)

// onlyField returns where a request has its only exported field of a kind, which is that to
// which is returns true. It panics in the name of a function if there is none, or another.
func onlyField(function string, t reflect.Type, kind string, is func(reflect.StructField) bool) []int {
	var found [][]int
	if s := deref(t); s.Kind() == reflect.Struct {
		for _, f := range reflect.VisibleFields(s) {
			if f.IsExported() && is(f) {
				found = append(found, f.Index)
			}
		}
	}
	if len(found) != 1 {
		panic(fmt.Sprintf("%s: a request of type %s has %d %s, and needs one", function, t, len(found), kind))
	}
	return found[0]
}

// withText returns a copy of a request with another text in a field of a string type.
func withText[Req any](request Req, index []int, text string) Req {
	own := copied(request)
	reflect.Indirect(reflect.ValueOf(&own).Elem()).FieldByIndex(index).SetString(text)
	return own
}

// copied returns a copy of a request, which is a struct or a pointer to one; that of a nil
// pointer is empty.
func copied[Req any](request Req) Req {
	v := reflect.ValueOf(&request).Elem()
	if v.Kind() == reflect.Pointer {
		own := reflect.New(v.Type().Elem())
		if !v.IsNil() {
			own.Elem().Set(v.Elem())
		}
		v.Set(own)
	}
	return request
}
