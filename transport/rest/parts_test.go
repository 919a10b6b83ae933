package rest_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/sinew-go/sinew/endpoint"
	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/transport/rest"
)

type form struct {
	Parts rest.Parts `body:"multipart/form-data"`
}

var submit = rest.Route[form, count]{Pattern: "POST /forms", MaxBody: 1 << 20}

// summary is what a form has, in a line for each part.
type summary struct {
	Parts []string `json:"parts"`
}

var summarize = rest.Route[form, summary]{Pattern: "POST /summary", MaxBody: 1 << 20}

func summaryOf(_ context.Context, r form) (s summary, err error) {
	for p, err := range r.Parts {
		if err != nil {
			return s, err
		}
		text, err := io.ReadAll(p.Content)
		if err != nil {
			return s, err
		}
		s.Parts = append(s.Parts, fmt.Sprintf("%s|%s|%s|%s", p.Name, p.FileName, p.ContentType, text))
	}
	return s, nil
}

// partsOf returns parts that end with err.
func partsOf(err error, all ...rest.Part) rest.Parts {
	return func(yield func(*rest.Part, error) bool) {
		for i := range all {
			if !yield(&all[i], nil) {
				return
			}
		}
		if err != nil {
			yield(nil, err)
		}
	}
}

func TestAFormWithFilesIsSentAndRead(t *testing.T) {
	inner := served(t, func(mux *http.ServeMux) { summarize.Handle(mux, summaryOf) })
	url := served(t, func(mux *http.ServeMux) { summarize.Forward(mux, rest.Remote(inner, nil)) })
	for _, at := range []string{inner, url} {
		send := summarize.Endpoint(rest.Remote(at, nil))
		got, err := send(t.Context(), form{partsOf(nil,
			rest.Part{Name: "title", Content: strings.NewReader("a\r\n--b")},
			rest.Part{Name: "file", FileName: "../Übersicht.png", ContentType: "image/png", Content: strings.NewReader("\x89PNG")},
			rest.Part{Name: "raw", FileName: "a.bin"},
		)})
		want := "[title|||a\r\n--b file|Übersicht.png|image/png|\uFFFDPNG raw|a.bin|application/octet-stream|]"
		if err != nil || fmt.Sprint(got.Parts) != want {
			t.Errorf("the form arrives as %q, %v; want %q", fmt.Sprint(got.Parts), err, want)
		}
		if got, err := send(t.Context(), form{}); err != nil || len(got.Parts) != 0 {
			t.Errorf("a form without parts arrives as %v, %v", got, err)
		}
		broken := errors.New("the disk is on fire")
		if _, err := send(t.Context(), form{partsOf(broken, rest.Part{Name: "a"})}); !errors.Is(err, broken) {
			t.Errorf("a source that fails is %v", err)
		}
		if _, err := send(t.Context(), form{partsOf(nil, rest.Part{Name: "a", Content: brokenReader{broken}})}); !errors.Is(err, broken) {
			t.Errorf("a file that fails is %v", err)
		}
		if _, err := send(t.Context(), form{partsOf(nil, rest.Part{})}); !errors.Is(err, fault.InvalidArgument) {
			t.Errorf("a part without a name is %v", err)
		}
	}
}

func TestAPartIsReadWhileTheNextIsNotThere(t *testing.T) {
	next := make(chan struct{})
	url := served(t, func(mux *http.ServeMux) {
		submit.Handle(mux, func(_ context.Context, r form) (c count, err error) {
			for p, err := range r.Parts {
				if err != nil {
					return c, err
				}
				if c.N++; p.Name == "first" { // the rest of it is skipped
					_, _ = io.ReadFull(p.Content, make([]byte, 10))
					close(next)
				}
			}
			return c, nil
		})
	})
	got, err := submit.Endpoint(rest.Remote(url, nil))(t.Context(), form{func(yield func(*rest.Part, error) bool) {
		first := io.MultiReader(strings.NewReader(strings.Repeat("x", 100_000)), awaiting{next})
		if yield(&rest.Part{Name: "first", Content: first}, nil) {
			yield(&rest.Part{Name: "second", Content: strings.NewReader("y")}, nil)
		}
	}})
	if err != nil || got.N != 2 {
		t.Errorf("%d parts arrive, %v; want 2", got.N, err)
	}
}

func TestAMalformedFormIsRefused(t *testing.T) {
	url := served(t, func(mux *http.ServeMux) { summarize.Handle(mux, summaryOf) })
	const kind = "multipart/form-data; boundary=b"
	const field = "--b\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1\r\n"
	for _, c := range []struct {
		kind, body string
		want       int
	}{
		{kind, field + "--b--\r\n", 200},
		{kind, field + strings.Repeat(field, 999) + "--b--\r\n", 200},
		{kind, strings.Repeat(field, 1001) + "--b--\r\n", 413},
		{kind, field, 400},
		{kind, "--b\r\nContent-Disposition: form-data\r\n\r\n1\r\n--b--\r\n", 400},
		{kind, "--b\r\nContent-Disposition: form-data; name=\"\xff\"\r\n\r\n1\r\n--b--\r\n", 400},
		{kind, "--b\r\nA: " + strings.Repeat("x", 1<<19) + "\r\n\r\n1\r\n--b--\r\n", 400},
		{kind, "--b\r\n" + strings.Repeat("A: b\r\n", 20_000) + "\r\n1\r\n--b--\r\n", 400},
		{kind, field + "--b\r\nContent-Disposition: form-data; name=\"b\"\r\n\r\n" + strings.Repeat("x", 1<<20), 413},
		{kind, "", 400},
		{"multipart/form-data", field + "--b--\r\n", 400},
		{"multipart/mixed; boundary=b", field + "--b--\r\n", 415},
		{"multipart/form-data; boundary=" + strings.Repeat("b", 71), field, 400},
	} {
		answer, err := http.Post(url+"/summary", c.kind, struct{ io.Reader }{strings.NewReader(c.body)})
		if err != nil {
			t.Fatal(err)
		}
		text, _ := io.ReadAll(answer.Body)
		answer.Body.Close()
		if answer.StatusCode != c.want {
			t.Errorf("%s %.80q: %d %s, want %d", c.kind, c.body, answer.StatusCode, text, c.want)
		}
	}
}

func TestPartsNeedTheirMediaType(t *testing.T) {
	type parts struct {
		Parts rest.Parts `body:"multipart/mixed"`
	}
	type answer struct {
		Parts rest.Parts `body:"multipart/form-data"`
	}
	for want, make := range map[string]func(){
		"which is multipart/form-data": func() { rest.Route[parts, endpoint.None]{Pattern: "POST /a"}.Describe() },
		"make it []byte":               func() { rest.Route[endpoint.None, answer]{Pattern: "GET /a"}.Describe() },
	} {
		t.Run(want, func(t *testing.T) {
			defer func() {
				if p, _ := recover().(string); !strings.Contains(p, want) {
					t.Errorf("the route is refused with %q", p)
				}
			}()
			make()
		})
	}
}

func TestTheNameOfAPartMayHaveAnyCharacters(t *testing.T) {
	url := served(t, func(mux *http.ServeMux) { summarize.Handle(mux, summaryOf) })
	send := summarize.Endpoint(rest.Remote(url, nil))
	for _, name := range []string{`a\`, `a\\b`, `a\;b`, `\"`, "a;b", "a%22b", "ä b"} {
		got, err := send(t.Context(), form{partsOf(nil, rest.Part{Name: name})})
		want := strings.ReplaceAll(name, `"`, "%22") + "|||"
		if err != nil || len(got.Parts) != 1 || got.Parts[0] != want {
			t.Errorf("%s arrives as %v, %v; want %s", name, got.Parts, err, want)
		}
	}
}

func TestTheNameOfAFileHasNoFolder(t *testing.T) {
	url := served(t, func(mux *http.ServeMux) { summarize.Handle(mux, summaryOf) })
	send := summarize.Endpoint(rest.Remote(url, nil))
	for name, want := range map[string]string{
		"a/b.png": "b.png", `C:\docs\b.png`: "b.png", `..\..\b.png`: "b.png", "..": "", ".": "", "/": "", "a/..": "", `a\..`: "", "a..": "a..",
	} {
		got, err := send(t.Context(), form{partsOf(nil, rest.Part{Name: "f", FileName: name})})
		want = "f|" + want + "|application/octet-stream|"
		if err != nil || len(got.Parts) != 1 || got.Parts[0] != want {
			t.Errorf("a file %s arrives as %v, %v; want %s", name, got.Parts, err, want)
		}
	}
}
