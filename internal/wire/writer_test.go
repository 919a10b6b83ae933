package wire_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/sinew-go/sinew/internal/wire"
)

// around wraps a writer, and says so.
type around struct{ http.ResponseWriter }

func (a around) Unwrap() http.ResponseWriter { return a.ResponseWriter }

// opaque wraps a writer, and does not say so.
type opaque struct{ http.ResponseWriter }

func TestAWriterIsFoundBeneathThoseThatSayWhatTheyWrap(t *testing.T) {
	inner := httptest.NewRecorder()
	if got, ok := wire.WriterOf[*httptest.ResponseRecorder](around{around{inner}}); !ok || got != inner {
		t.Errorf("beneath two writers it finds %v, %v", got, ok)
	}
	if got, ok := wire.WriterOf[*httptest.ResponseRecorder](inner); !ok || got != inner {
		t.Errorf("of the writer itself it finds %v, %v", got, ok)
	}
	if got, ok := wire.WriterOf[*httptest.ResponseRecorder](around{opaque{inner}}); ok {
		t.Errorf("beneath a writer that does not say so it finds %v", got)
	}
}
