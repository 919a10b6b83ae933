package rest

import (
	"fmt"
	"net/http"
	"reflect"

	"github.com/sinew-go/sinew/internal/jsonschema"
)

var cookieType = reflect.TypeFor[http.Cookie]()

// cookieCodec returns the codec of an [http.Cookie] in a request, which has a name and a
// value alone.
func cookieCodec(name string) codec {
	return codec{func(v reflect.Value, text string) error {
		v.Set(reflect.ValueOf(http.Cookie{Name: name, Value: text}))
		return nil
	}, func(v reflect.Value) (string, error) {
		c := v.Addr().Interface().(*http.Cookie)
		return c.Value, checkCookieName(c, name)
	}, expectsString, jsonschema.Type("string")}
}

// setCookieCodec returns the codec of an [http.Cookie] as a line of Set-Cookie.
func setCookieCodec(name string) codec {
	return codec{func(v reflect.Value, text string) error {
		c, err := http.ParseSetCookie(text)
		if err == nil {
			v.Set(reflect.ValueOf(*c))
		}
		return err
	}, func(v reflect.Value) (string, error) {
		c := *v.Addr().Interface().(*http.Cookie)
		if err := checkCookieName(&c, name); err != nil {
			return "", err
		}
		c.Name = name
		return c.String(), c.Valid()
	}, "", jsonschema.Type("string")}
}

func checkCookieName(c *http.Cookie, name string) error {
	if c.Name != "" && c.Name != name {
		return fmt.Errorf("the cookie is named %q", shorten(c.Name))
	}
	return nil
}

// cookieValues returns the values of the cookies with this name in a request.
func cookieValues(r *http.Request, name string) (values []string) {
	for _, c := range r.CookiesNamed(name) {
		values = append(values, c.Value)
	}
	return values
}

// setCookieLines returns the lines of Set-Cookie in an answer that set this cookie.
func setCookieLines(h http.Header, name string) (lines []string) {
	for _, line := range h["Set-Cookie"] {
		if c, err := http.ParseSetCookie(line); err == nil && c.Name == name {
			lines = append(lines, line)
		}
	}
	return lines
}

// addCookie adds a cookie to the header of a request.
func addCookie(h http.Header, name, value string) error {
	c := http.Cookie{Name: name, Value: value}
	if err := c.Valid(); err != nil {
		return err
	}
	if h["Cookie"] == nil {
		h["Cookie"] = []string{c.String()}
	} else {
		h["Cookie"][0] += "; " + c.String()
	}
	return nil
}
