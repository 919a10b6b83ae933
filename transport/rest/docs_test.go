package rest_test

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"github.com/sinew-go/sinew/transport/rest"
)

func ExampleDocs() {
	mux := http.NewServeMux()
	mux.Handle("GET /docs", rest.Docs("openapi.json"))
	w := httptest.NewRecorder()
	mux.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/docs", nil))
	fmt.Println(w.Code, w.Header().Get("Content-Type"))
	// Output: 200 text/html; charset=utf-8
}

// docsOf returns the page of a document.
func docsOf(document string) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	rest.Docs(document).ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/docs", nil))
	return w
}

func TestThePolicyOfThePageAllowsItsOwnScriptAndStyleAndNoOther(t *testing.T) {
	w := docsOf("openapi.json")
	for _, tag := range []string{"script", "style"} {
		inside := regexp.MustCompile(`(?s)<`+tag+`>(.*?)</`+tag+`>`).FindAllStringSubmatch(w.Body.String(), -1)
		if len(inside) != 1 {
			t.Fatalf("the page has %d of %s, want 1", len(inside), tag)
		}
		sum := sha256.Sum256([]byte(inside[0][1]))
		want := tag + "-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "';"
		if policy := w.Header().Get("Content-Security-Policy"); !strings.Contains(policy, want) {
			t.Errorf("the policy is %s, want %s in it", policy, want)
		}
	}
}

func TestThePageLoadsNothingFromElsewhere(t *testing.T) {
	if found := regexp.MustCompile(`(?i)(src|href)="?(https?:)?//|url\(|@import|innerHTML|https?://`).FindString(docsOf("openapi.json").Body.String()); found != "" {
		t.Errorf("the page has %q", found)
	}
}

func TestTheURLOfTheDocumentIsText(t *testing.T) {
	if text := docsOf(`/a"><script>x</script>`).Body.String(); strings.Contains(text, "<script>x") {
		t.Error("the URL of the document is HTML")
	}
}
