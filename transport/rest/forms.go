package rest

import (
	"mime"
	"net/http"
	"reflect"
	"strconv"
	"strings"

	"github.com/sinew-go/sinew/fault"
)

// form is a codec with one of its media types.
type form struct {
	*Codec
	kind   string
	header []string // of the media type alone; it must not be modified
}

// forms are all forms that a type has, the first one by default. Nil is of a body that has
// no codec.
type forms []*form

// formsOf returns the forms of a type, none if there is no codec for it. With strict it has
// those that refuse unknown members.
func (c Codecs) formsOf(t reflect.Type, strict bool) (all forms) {
	t = deref(t)
	hasJSON := isMessage(t)
	if len(c) == 0 && !hasJSON {
		return plainForms
	}
	for i := range c {
		if c[i].Types != nil && !c[i].Types(t) {
			continue
		}
		if strict && !c[i].IsJSON && c[i].DecodeStrict == nil {
			continue
		}
		for _, kind := range c[i].MediaTypes {
			if all.of(kind) == nil {
				all = append(all, &form{&c[i], kind, []string{kind}})
			}
			hasJSON = hasJSON || kind == jsonType
		}
	}
	if !hasJSON {
		all = append(plainForms[:1:1], all...)
	}
	return all
}

// plainForms are those without another codec.
var plainForms = forms{{&plainJSON, jsonType, jsonTypes}}

// of returns the form of a media type, nil for none.
func (all forms) of(kind string) *form {
	for _, f := range all {
		if f.kind == kind {
			return f
		}
	}
	return nil
}

// String returns the media types for a message.
func (all forms) String() string {
	kinds := make(mediaTypes, 0, len(all))
	for _, f := range all {
		kinds = append(kinds, f.kind)
	}
	return kinds.String()
}

// incoming returns the form of a body by its Content-Type. It refuses a text that is not
// UTF-8, and several Content-Type headers: a proxy on the way may have used another one.
func (all forms) incoming(headers []string) (*form, error) {
	header := strings.Join(headers, ", ")
	if header == all[0].kind {
		return all[0], nil
	}
	kind, params, err := mime.ParseMediaType(header)
	if err == nil && isUTF8(params["charset"]) {
		if f := all.of(kind); f != nil {
			return f, nil
		}
	}
	what := strconv.Quote(shorten(header))
	if header == "" {
		what = "missing"
	}
	return nil, fault.InvalidArgument.Errorf("the body must be %s; its Content-Type is %s", all, what).
		WithStatus(http.StatusUnsupportedMediaType)
}

func isUTF8(charset string) bool {
	return charset == "" || strings.EqualFold(charset, "utf-8") || strings.EqualFold(charset, "utf8")
}

// accepted returns the form that Accept prefers, the first of those that it likes most. What
// is malformed in Accept does not count.
func (all forms) accepted(headers []string) (*form, error) {
	if len(all) == 0 || len(headers) == 0 || len(headers) == 1 && all.plainlyAccepted(headers[0]) {
		return all.first(), nil
	}
	ranges := acceptedRanges(headers)
	if len(ranges) == 0 {
		return all[0], nil
	}
	var best *form
	most := 0.0
	for _, f := range all {
		if q := qualityOf(f.kind, ranges); q > most {
			best, most = f, q
		}
	}
	if best == nil {
		return nil, fault.InvalidArgument.Errorf("the answer can be %s, and Accept is %s", all,
			strconv.Quote(shorten(strings.Join(headers, ", ")))).WithStatus(http.StatusNotAcceptable)
	}
	return best, nil
}

// plainlyAccepted reports whether Accept prefers the first form, as far as that can be seen
// without parsing it.
func (all forms) plainlyAccepted(header string) bool {
	if header == "*/*" || header == all[0].kind {
		return true
	}
	if len(all) > 1 || strings.Contains(header, ";") {
		return false
	}
	for one := range strings.SplitSeq(header, ",") {
		if one = strings.TrimSpace(one); one == "*/*" || one == all[0].kind {
			return true
		}
	}
	return false
}

// first returns the form by default, nil for a body that has no codec.
func (all forms) first() *form {
	if len(all) == 0 {
		return nil
	}
	return all[0]
}

// accept is the header of a caller that prefers the forms in their order; "" for one that
// need not say so, since it has no other form than every service.
func (all forms) accept() string {
	if len(all) == 0 || len(all) == 1 && all[0].kind == jsonType {
		return ""
	}
	parts := make([]string, 0, len(all))
	for i, f := range all {
		part := f.kind
		if i > 0 {
			part += ";q=0." + strconv.Itoa(max(10-i, 1))
		}
		parts = append(parts, part)
	}
	return strings.Join(parts, ", ")
}
