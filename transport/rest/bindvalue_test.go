package rest_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

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
	rest.Route[*request, rest.None]{Pattern: "GET /x/{n}"}.Handle(mux, func(context.Context, *request) (rest.None, error) {
		ran = true
		return rest.None{}, nil
	})
	for target, want := range map[string]string{
		"/x/one": "path variable n", "/x/1.5": "path variable n", "/x/9223372036854775808": "path variable n",
		"/x/1?limit=x&after=soon&dry=maybe": "query parameter limit", "/x/1?after=soon&dry=maybe": "query parameter after",
		"/x/1?limit=": "query parameter limit", "/x/1?since=yesterday": "query parameter since", "/x/1?dry=maybe": "query parameter dry",
		"/x/1?port=1&port=65536": "query parameter port", "/x/1?port=-1": "query parameter port", "/x/1?share=NaN": "query parameter share",
		"/x/1?name=%ff": "query parameter name", "/x/1?a=%zz": "query", "/x/1?limit=1;after=1s": "query",
	} {
		w := ask(mux, "GET", target, "", "")
		if p := problemOf(t, w); ran || p.Status != 400 || p.Code != "invalid_argument" || !strings.Contains(p.Detail, want) {
			t.Errorf("%s: ran %v, %+v, want %q", target, ran, p, want)
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
	for target, want := range map[string]string{
		"/x":                 `{"limit":0,"tags":[],"most":null,"tenant":"","name":"x"}`,
		"/x?limit=2&tag=own": `{"limit":2,"tags":["own"],"most":null,"tenant":"","name":"x"}`,
	} {
		w := ask(mux, "POST", target, "application/json", body)
		if w.Body.String() != want {
			t.Errorf("%s: %d %s", target, w.Code, w.Body)
		}
	}
	if got := ask(mux, "POST", "/x", "application/json", body, "X-Tenant", "own").Body.String(); !strings.Contains(got, `"tenant":"own"`) {
		t.Error(got)
	}
}
