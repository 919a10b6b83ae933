package absent_test

import (
	"fmt"
	"io"
	"net/http"
	"testing"

	"github.com/sinew-go/sinew/internal/absent"
)

func ExamplePart() {
	var client *http.Client
	fmt.Println(absent.Part(client), absent.Part(http.DefaultClient))
	// Output: true false
}

func TestAPartIsAbsentWhereItsFirstUseWouldPanic(t *testing.T) {
	for _, none := range []any{nil, io.Reader(nil), (*http.ServeMux)(nil), http.Handler((*http.ServeMux)(nil)), http.HandlerFunc(nil), (func())(nil)} {
		if !absent.Part(none) {
			t.Errorf("%T is there", none)
		}
	}
	for _, there := range []any{0, http.NewServeMux(), http.NotFoundHandler(), func() {}, http.Header(nil), []int(nil), struct{}{}} {
		if absent.Part(there) {
			t.Errorf("%T is absent", there)
		}
	}
}
