package rest_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"iter"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/transport/rest"
)

func TestAFileThatPanicsBreaksTheAnswer(t *testing.T) {
	for name, body := range map[string]io.ReadCloser{
		"a stream":       io.NopCloser(io.MultiReader(strings.NewReader("abc"), panicking{})),
		"one that seeks": panickingFile{strings.NewReader("abc")},
	} {
		url := served(t, func(mux *http.ServeMux) {
			logs := &logged{ServeMux: mux}
			getFile.Handle(logs, func(context.Context, *download) (*content, error) { return &content{Body: body}, nil })
		})
		got, err := getFile.Endpoint(rest.Remote(url, nil))(t.Context(), &download{ID: "1"})
		text := []byte("nothing")
		if err == nil {
			text, err = io.ReadAll(got.Body)
			got.Body.Close()
		}
		if !errors.Is(err, fault.Unavailable) {
			t.Errorf("%s: the caller gets %q, %v; want that the answer was cut off", name, text, err)
		}
	}
}

// panickingFile panics when it is read.
type panickingFile struct{ *strings.Reader }

func (panickingFile) Close() error             { return nil }
func (panickingFile) Read([]byte) (int, error) { panic("no more") }

func TestABodyOfUnknownSizeThatIsTooLargeForAGatewayIsRefusedAsThat(t *testing.T) {
	inner := served(t, func(mux *http.ServeMux) {
		large := putFile
		large.MaxBody = 1 << 30
		large.Handle(mux, size)
	})
	url := served(t, func(mux *http.ServeMux) {
		small := putFile
		small.MaxBody = 1 << 10
		small.Forward(mux, rest.Remote(inner, nil))
	})
	body := struct{ io.Reader }{strings.NewReader(strings.Repeat("x", 2<<10))}
	r, _ := http.NewRequestWithContext(t.Context(), "PUT", url+"/files/1", body)
	r.Header.Set("Content-Type", "text/plain")
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	text, _ := io.ReadAll(answer.Body)
	if answer.StatusCode != http.StatusRequestEntityTooLarge || !strings.Contains(string(text), "larger than 1024 bytes") {
		t.Errorf("it is answered with %d: %s; want 413 and the limit", answer.StatusCode, text)
	}
}

func TestAGatewayCutsOffAnAnswerThatIsLargerThanItsRouteAllows(t *testing.T) {
	inner := served(t, func(mux *http.ServeMux) {
		getFile.Handle(mux, func(context.Context, *download) (*content, error) {
			return &content{Body: io.NopCloser(strings.NewReader("0123456789"))}, nil
		})
	})
	for _, most := range []int64{10, 4} {
		url := served(t, func(mux *http.ServeMux) {
			bounded := getFile
			bounded.MaxAnswer = most
			bounded.Forward(&logged{ServeMux: mux}, rest.Remote(inner, nil))
		})
		answer, err := http.Get(url + "/files/1")
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(answer.Body)
		answer.Body.Close()
		if isWhole := err == nil && string(text) == "0123456789"; isWhole != (most == 10) || len(text) > int(most) {
			t.Errorf("with a MaxAnswer of %d the answer of 10 bytes is %q, %v; want all of it or that it is cut off", most, text, err)
		}
	}
}

// early answers before it has read the body of the request, which is then the answer.
type early struct{}

func (early) RoundTrip(r *http.Request) (*http.Response, error) {
	header := http.Header{"Content-Type": {"text/plain"}}
	return &http.Response{StatusCode: http.StatusOK, Header: header, ContentLength: -1, Body: r.Body}, nil
}

func TestAPanicInTheReaderIsThatOfTheCallerAlsoOnceAnAnswerHasBegun(t *testing.T) {
	both := rest.Route[*upload, *content]{Pattern: "POST /files/{id}"}
	call := both.Endpoint(rest.Remote("http://10.0.0.1", &http.Client{Transport: early{}}))
	missing := 0
	synctest.Test(t, func(t *testing.T) {
		for range 20 {
			got, err := call(t.Context(), &upload{ID: "1", Body: panicking{}})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := io.ReadAll(got.Body); err == nil {
				t.Fatal("the answer is whole")
			}
			synctest.Wait()
			func() {
				defer func() {
					if recover() == nil {
						missing++
					}
				}()
				got.Body.Close()
			}()
		}
	})
	if missing > 0 {
		t.Errorf("of 20 panics %d are lost when the answer is closed", missing)
	}
}

func TestAStreamThatIsNotReadToItsEndBreaksNoConnectionOfTheServer(t *testing.T) {
	mux := http.NewServeMux()
	echoNotes.Handle(mux, func(context.Context, imported) (iter.Seq2[note, error], error) { return notes(nil, "a"), nil })
	server := httptest.NewUnstartedServer(mux)
	var faults bytes.Buffer
	server.Config.ErrorLog = log.New(&faults, "", 0)
	server.Start()
	for range 5 {
		answer, err := http.Post(server.URL+"/echo", "application/x-ndjson", strings.NewReader("{\"text\":\"a\"}\n"))
		if err != nil {
			t.Fatal(err)
		}
		if text, err := io.ReadAll(answer.Body); err != nil || !strings.Contains(string(text), "event: end") {
			t.Errorf("the answer is %q, %v; want all of it", text, err)
		}
		answer.Body.Close()
	}
	server.Close()
	if faults.Len() > 0 {
		t.Errorf("the server says %.200s", faults.String())
	}
}
