package rest_test

import (
	"context"
	"encoding/json"
	"math/big"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/sinew-go/sinew/endpoint"
	"github.com/sinew-go/sinew/transport/rest"
)

// readInt sends a body to a route that reads an int64, and returns what it has read.
func readInt(t rapid.TB, body string) (n int64, status int) {
	mux := http.NewServeMux()
	rest.Route[*numbered, endpoint.None]{Pattern: "POST /x"}.Handle(mux, func(_ context.Context, r *numbered) (endpoint.None, error) {
		n = r.N
		return endpoint.None{}, nil
	})
	r := httptest.NewRequest(http.MethodPost, "/x", strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	mux.ServeHTTP(w, r)
	return n, w.Code
}

type numbered struct {
	N int64   `json:"n"`
	F float64 `json:"f"`
	S string  `json:"s"`
}

func TestAWholeNumberWithAFractionIsAnInteger(t *testing.T) {
	for text, want := range map[string]int64{
		"1.0": 1, "290.000": 290, "1e3": 1000, "1.5E1": 15, "-2.0": -2, "-0.0": 0, "0e30": 0, "1200e-2": 12, "9.223372036854775807e18": 1<<63 - 1,
	} {
		if got, status := readInt(t, `{"f":1.5,"n": `+text+` ,"s":"1.0"}`); got != want || status != http.StatusNoContent {
			t.Errorf("%s is read as %d with status %d, want %d", text, got, status, want)
		}
	}
}

func TestANegativeZeroIsAnUnsignedInteger(t *testing.T) {
	type size struct {
		N uint `json:"n"`
	}
	mux := http.NewServeMux()
	rest.Route[size, endpoint.None]{Pattern: "POST /x"}.Handle(mux, func(context.Context, size) (endpoint.None, error) { return endpoint.None{}, nil })
	for _, text := range []string{"-0", "-0.0", "-0e1"} {
		if w := ask(mux, "POST", "/x", "application/json", `{"n":`+text+`}`); w.Code != http.StatusNoContent {
			t.Errorf("%s is answered with %d, want 204: for JSON Schema it is zero", text, w.Code)
		}
	}
}

func TestANumberThatIsNotWholeIsNoInteger(t *testing.T) {
	for _, text := range []string{"1.5", "1e-1", "1e19", "1e400", "9.3e18", "1.0.0", "1.", "1e", `"1.0"`, "1e99999999999999999999"} {
		if got, status := readInt(t, `{"n":`+text+`}`); status != http.StatusBadRequest {
			t.Errorf("%s is read as %d with status %d, want a refusal", text, got, status)
		}
	}
}

func TestOnlyTheFaultyNumberIsReported(t *testing.T) {
	mux := http.NewServeMux()
	rest.Route[*numbered, endpoint.None]{Pattern: "POST /x"}.Handle(mux, func(context.Context, *numbered) (endpoint.None, error) { return endpoint.None{}, nil })
	r := httptest.NewRequest(http.MethodPost, "/x", strings.NewReader(`{"n":1.0,"f":"x"}`))
	r.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	mux.ServeHTTP(w, r)
	if text := w.Body.String(); strings.Contains(text, `"/n"`) || !strings.Contains(text, `"/f"`) {
		t.Errorf("the refusal is %s, want one fault, at /f", text)
	}
}

func TestANumberIsReadAsTheIntegerThatItIs(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringMatching(`-?(0|[1-9][0-9]{0,20})(\.[0-9]{1,6})?([eE][+-]?[0-9]{1,2})?`).Draw(t, "number")
		exact, ok := new(big.Rat).SetString(text)
		if !ok || !json.Valid([]byte(text)) {
			t.Fatalf("%s is no number", text)
		}
		got, status := readInt(t, `{"n":`+text+`}`)
		if exact.IsInt() && exact.Num().IsInt64() {
			if status != http.StatusNoContent || got != exact.Num().Int64() {
				t.Fatalf("%s is read as %d with status %d", text, got, status)
			}
		} else if status != http.StatusBadRequest {
			t.Fatalf("%s is read as %d with status %d, want a refusal", text, got, status)
		}
	})
}
