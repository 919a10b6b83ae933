package rest

import (
	"net/http"
	"reflect"
	"slices"
	"time"

	"github.com/sinew-go/sinew/internal/jsonschema"
)

// dateHeaders have a date in the form of HTTP (RFC 9110, section 5.6.7), and not in that
// of JSON.
var dateHeaders = []string{"Date", "Expires", "If-Modified-Since", "If-Unmodified-Since", "Last-Modified"}

// isHTTPDate reports whether a field is a time in a header that has an HTTP date.
func (f *field) isHTTPDate() bool {
	return f.in == "header" && f.t == timeType && slices.Contains(dateHeaders, f.name)
}

// httpDateCodec is the codec of a time as an HTTP date, which has no fractions of a
// second. An unreadable date counts as absent, as RFC 9110 asks for.
func httpDateCodec() codec {
	return codec{func(v reflect.Value, text string) error {
		if at, err := http.ParseTime(text); err == nil {
			v.Set(reflect.ValueOf(at))
		}
		return nil
	}, func(v reflect.Value) (string, error) {
		return v.Interface().(time.Time).UTC().Format(http.TimeFormat), nil
	}, "", jsonschema.Type("string")}
}
