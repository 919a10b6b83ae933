package rest_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/sinew-go/sinew/endpoint"
	"github.com/sinew-go/sinew/transport/rest"
)

func TestAValueThatDoesNotFitIsRefusedNamingItsField(t *testing.T) {
	type request struct {
		N      int           `path:"n" json:"-"`
		Limit  *int          `query:"limit" json:"-"`
		After  time.Duration `query:"after" json:"-"`
		Since  time.Time     `query:"since" json:"-"`
		Dry    bool          `query:"dry" json:"-"`
		Ports  []uint16      `query:"port" json:"-"`
		Share  float64       `query:"share" json:"-"`
		Name   string        `query:"name" json:"-"`
		Weight int8          `header:"X-Weight" json:"-"`
	}
	ran := false
	mux := http.NewServeMux()
	rest.Route[*request, endpoint.None]{Pattern: "GET /x/{n}"}.Handle(mux, func(context.Context, *request) (endpoint.None, error) {
		ran = true
		return endpoint.None{}, nil
	})
	for _, c := range []struct {
		target string
		want   string
	}{
		{target: "/x/one", want: "path variable n"},
		{target: "/x/1.5", want: "path variable n"},
		{target: "/x/9223372036854775808", want: "path variable n"},
		{target: "/x/1?limit=x&after=soon&dry=maybe", want: "query parameter limit"},
		{target: "/x/1?after=soon&dry=maybe", want: "query parameter after"},
		{target: "/x/1?limit=", want: "query parameter limit"},
		{target: "/x/1?since=yesterday", want: "query parameter since"},
		{target: "/x/1?dry=maybe", want: "query parameter dry"},
		{target: "/x/1?port=1&port=65536", want: "query parameter port"},
		{target: "/x/1?port=-1", want: "query parameter port"},
		{target: "/x/1?share=NaN", want: "query parameter share"},
		{target: "/x/1?name=%ff", want: "query parameter name"},
		{target: "/x/1?a=%zz", want: "query"},
		{target: "/x/1?limit=1;after=1s", want: "query"},
	} {
		w := ask(mux, "GET", c.target, "", "")
		if p := problemOf(t, w); ran || p.Status != 400 || p.Code != "invalid_argument" || !strings.Contains(p.Detail, c.want) {
			t.Errorf("%s: ran %v, %+v, want %q", c.target, ran, p, c.want)
		}
	}
	for _, weight := range []string{"heavy", "128", ""} {
		w := ask(mux, "GET", "/x/1", "", "", "X-Weight", weight)
		if p := problemOf(t, w); ran || p.Status != 400 || !strings.Contains(p.Detail, "header X-Weight") {
			t.Errorf("a weight of %q: ran %v, %+v", weight, ran, p)
		}
	}
	if w := ask(mux, "GET", "/x/-1?limit=-5&after=1m&since=2026-01-02T15:04:05Z&dry=true&port=1&port=65535&share=1e3&a=%41", "", "", "X-Weight", "-128"); w.Code != 204 || !ran {
		t.Errorf("values that fit: %d %s", w.Code, w.Body)
	}
}

func TestQueryAndHeaderAreNeverReadFromTheBody(t *testing.T) {
	type request struct {
		Limit  int      `query:"limit" json:"limit"`
		Tags   []string `query:"tag" json:"tags"`
		Most   *int     `query:"most" json:"most"`
		Tenant string   `header:"X-Tenant" json:"tenant"`
		Name   string   `json:"name"`
	}
	mux := http.NewServeMux()
	rest.Route[*request, *request]{Pattern: "POST /x"}.Handle(mux, func(_ context.Context, r *request) (*request, error) { return r, nil })
	const body = `{"limit":5,"tags":["theirs"],"most":5,"tenant":"another's","name":"x"}`
	for _, c := range []struct {
		target string
		want   string
	}{
		{target: "/x", want: `{"limit":0,"tags":[],"most":null,"tenant":"","name":"x"}`},
		{target: "/x?limit=2&tag=own", want: `{"limit":2,"tags":["own"],"most":null,"tenant":"","name":"x"}`},
	} {
		w := ask(mux, "POST", c.target, "application/json", body)
		if w.Body.String() != c.want {
			t.Errorf("%s: %d %s", c.target, w.Code, w.Body)
		}
	}
	if got := ask(mux, "POST", "/x", "application/json", body, "X-Tenant", "own").Body.String(); !strings.Contains(got, `"tenant":"own"`) {
		t.Error(got)
	}
}
