package gin_test

import (
	"fmt"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/gin-gonic/gin"
	"pgregory.net/rapid"

	sinewgin "github.com/sinew-go/sinew/transport/gin"
	"github.com/sinew-go/sinew/transport/rest"
)

var (
	segments = []string{"a", "b", "ab", "é", "a:b", "{id}", "{other}"}
	ends     = []string{"", "", "", "/", "/{$}", "/{rest...}"}
)

func drawPattern(t *rapid.T) string {
	method := rapid.SampledFrom([]string{"GET ", "POST ", "HEAD ", ""}).Draw(t, "method")
	path := ""
	for range rapid.IntRange(1, 3).Draw(t, "length") {
		path += "/" + rapid.SampledFrom(segments).Draw(t, "segment")
	}
	return method + path + rapid.SampledFrom(ends).Draw(t, "end")
}

// accepts reports whether a mux serves a pattern, and not panics.
func accepts(mux rest.Mux, pattern string) (ok bool) {
	defer func() { ok = recover() == nil }()
	reveal(mux, pattern)
	return
}

// goesBack reports whether a request is for a pattern with a variable where the beginning of
// another pattern has the literal of the request.
func goesBack(patterns []string, body, path string) bool {
	segmentsOf := func(pattern string) []string {
		_, path, _ := strings.Cut(pattern, "/")
		return strings.Split(path, "/")
	}
	var matched string
	for _, p := range patterns {
		if strings.Contains(body, " by "+p+",") {
			matched = p
		}
	}
	asked, own := segmentsOf(path), segmentsOf(matched)
	for _, other := range patterns {
		for i, s := range segmentsOf(other) {
			isVariable := i >= len(own) || own[i] == "" || own[i][0] == '{'
			if i < len(asked) && s != "" && url.PathEscape(s) == asked[i] && isVariable {
				return true
			}
		}
	}
	return false
}

func drawPath(t *rapid.T) (path string, unusual bool) {
	text := rapid.OneOf(
		rapid.SampledFrom([]string{"a", "b", "ab", "é", "a:b", "a/b", ""}),
		rapid.StringN(1, 3, -1).Filter(func(s string) bool { return s != "/" }), // http.ServeMux has {$} for a slash
	)
	for range rapid.IntRange(1, 4).Draw(t, "length") {
		if segment := text.Draw(t, "segment"); segment == "" || rapid.IntRange(0, 9).Draw(t, "escape") > 0 {
			path += "/" + url.PathEscape(segment)
		} else {
			unusual = true
			path += fmt.Sprintf("/%%%02X%s", segment[0], url.PathEscape(segment[1:]))
		}
	}
	return path, unusual
}

func TestGinServesRandomRoutesAsServeMuxDoes(t *testing.T) {
	settings := []gin.OptionFunc{
		sinewgin.LikeServeMux, func(*gin.Engine) {},
		func(e *gin.Engine) { e.UseRawPath, e.HandleMethodNotAllowed = true, false },
		func(e *gin.Engine) { e.RemoveExtraSlash, e.RedirectFixedPath = true, true },
	}
	rapid.Check(t, func(t *rapid.T) {
		var (
			patterns []string
			engines  []*gin.Engine
			want     http.Handler = http.NotFoundHandler()
		)
		for range rapid.IntRange(1, 5).Draw(t, "patterns") {
			more, all := append(slices.Clone(patterns), drawPattern(t)), true
			plain := http.NewServeMux()
			muxes := []rest.Mux{plain}
			var on []*gin.Engine
			for _, s := range settings {
				on = append(on, gin.New(s))
				muxes = append(muxes, sinewgin.On(on[len(on)-1]))
			}
			for _, pattern := range more {
				for _, mux := range muxes {
					all = all && accepts(mux, pattern)
				}
			}
			if all {
				patterns, want, engines = more, rest.ProblemMux(plain), on
			}
		}
		for range 20 {
			path, unusual := drawPath(t)
			request := rapid.SampledFrom([]string{"GET", "POST", "HEAD", "PUT"}).Draw(t, "method") + " " + path
			w := ask(t, want, request)
			for i, engine := range engines {
				g := ask(t, engine, request)
				isDocumented := g.status == http.StatusNotFound && (unusual || goesBack(patterns, w.body, path))
				if i > 0 { // whatever the settings: what is served is what ServeMux serves
					isDocumented = g.status != http.StatusOK
				}
				if !isDocumented && (g.status != w.status || g.body != w.body || !reflect.DeepEqual(g.header, w.header)) {
					t.Fatalf("%s\nroutes:   %v\ngin %d:    %s\nServeMux: %s", request, patterns, i, g, w)
				}
			}
		}
	})
}
