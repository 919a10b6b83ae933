package rest_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

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
