package absent_test

import (
	"fmt"
	"io"
	"net/http"
	"testing"

	"github.com/sinew-go/sinew/internal/absent"
)

func ExampleIs() {
	var client *http.Client
	fmt.Println(absent.Is(client), absent.Is(http.DefaultClient))
	// Output: true false
}

func TestAPartIsAbsentWhereItsFirstUseWouldPanic(t *testing.T) {
	for _, none := range []any{nil, io.Reader(nil), (*http.ServeMux)(nil), http.Handler((*http.ServeMux)(nil)), http.HandlerFunc(nil), (func())(nil)} {
		if !absent.Is(none) {
			t.Errorf("%T is there", none)
		}
	}
	for _, there := range []any{0, http.NewServeMux(), http.NotFoundHandler(), func() {}, http.Header(nil), []int(nil), struct{}{}} {
		if absent.Is(there) {
			t.Errorf("%T is absent", there)
		}
	}
}
