package rest_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"mime"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sinew-go/sinew/endpoint"
	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/transport/rest"
)

type upload struct {
	ID   string    `path:"id" json:"-"`
	Type string    `header:"Content-Type" json:"-"`
	Body io.Reader `body:"image/*, text/plain"`
}

type download struct {
	ID    string    `path:"id" json:"-"`
	Range string    `header:"Range" json:"-"`
	Match string    `header:"If-None-Match" json:"-"`
	Since time.Time `header:"If-Modified-Since" json:"-"`
}

type content struct {
	Type        string        `header:"Content-Type" json:"-"`
	Tag         string        `header:"ETag" json:"-"`
	Changed     time.Time     `header:"Last-Modified" json:"-"`
	Disposition string        `header:"Content-Disposition" json:"-"`
	Part        string        `header:"Content-Range" json:"-"`
	Body        io.ReadCloser `body:"image/*, text/plain"`
}

type stored struct {
	Size int64  `json:"size"`
	Type string `json:"type"`
}

var (
	putFile = rest.Route[*upload, stored]{Pattern: "PUT /files/{id}"}
	getFile = rest.Route[*download, *content]{Pattern: "GET /files/{id}"}
)

// served serves routes, and returns a caller of them and the base URL.
func served(t *testing.T, handle func(mux *http.ServeMux)) string {
	t.Helper()
	mux := http.NewServeMux()
	handle(mux)
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	return server.URL
}

func size(_ context.Context, r *upload) (stored, error) {
	n, err := io.Copy(io.Discard, r.Body)
	return stored{n, r.Type}, err
}

func TestABodyOfBytesTravelsAsItIs(t *testing.T) {
	type raw struct {
		Body []byte `body:""`
	}
	route := rest.Route[raw, raw]{Pattern: "POST /echo"}
	url := served(t, func(mux *http.ServeMux) {
		route.Handle(mux, func(_ context.Context, r raw) (raw, error) { return r, nil })
	})
	echo := route.Endpoint(rest.Remote(url, nil))
	for _, sent := range []string{"", "null", "{", "\x00\xff\r\n"} {
		got, err := echo(t.Context(), raw{[]byte(sent)})
		if err != nil || string(got.Body) != sent {
			t.Errorf("%q comes back as %q, %v", sent, got.Body, err)
		}
	}
	answer, err := http.Post(url+"/echo", "application/octet-stream", strings.NewReader("abc"))
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if got := answer.Header.Get("Content-Type"); got != "application/octet-stream" {
		t.Errorf("the answer is of type %q, want application/octet-stream", got)
	}
	if got := answer.Header.Get("X-Content-Type-Options"); got != "nosniff" {
		t.Errorf("a browser may guess another type: X-Content-Type-Options is %q", got)
	}
}

func TestAReaderIsSentWithItsTypeAndSize(t *testing.T) {
	var length atomic.Int64
	url := served(t, func(mux *http.ServeMux) { putFile.Handle(mux, size) })
	client := &http.Client{Transport: lengthSeen{&length}}
	put := putFile.Endpoint(rest.Remote(url, client))
	got, err := put(t.Context(), &upload{ID: "1", Type: "image/png", Body: strings.NewReader("0123456789")})
	if err != nil || got != (stored{10, "image/png"}) || length.Load() != 10 {
		t.Errorf("of 10 bytes of image/png %v arrives, %v, with a length of %d", got, err, length.Load())
	}
	got, err = put(t.Context(), &upload{ID: "1", Body: struct{ io.Reader }{strings.NewReader("abc")}})
	if err != nil || got != (stored{3, "text/plain"}) || length.Load() != -1 {
		t.Errorf("of 3 bytes of unknown size %v arrives, %v, with a length of %d", got, err, length.Load())
	}
	if got, err = put(t.Context(), &upload{ID: "1"}); err != nil || got.Size != 0 {
		t.Errorf("of no body %v arrives, %v", got, err)
	}
	if _, err = put(t.Context(), &upload{ID: "1", Type: "video/mp4", Body: strings.NewReader("")}); !errors.Is(err, fault.InvalidArgument) {
		t.Errorf("a type that the route has not fails with %v", err)
	}
}

// lengthSeen notes the Content-Length of requests.
type lengthSeen struct{ length *atomic.Int64 }

func (l lengthSeen) RoundTrip(r *http.Request) (*http.Response, error) {
	l.length.Store(r.ContentLength)
	return http.DefaultTransport.RoundTrip(r)
}

func TestWhatDoesNotFitARawBodyIsRefused(t *testing.T) {
	small := putFile
	small.MaxBody = 8
	var runs atomic.Int64
	url := served(t, func(mux *http.ServeMux) {
		small.Handle(mux, func(ctx context.Context, r *upload) (stored, error) {
			runs.Add(1)
			return size(ctx, r)
		})
	})
	for _, c := range []struct {
		kind     string
		body     io.Reader
		encoding string
		want     int
		ran      int64
	}{
		{"application/json", strings.NewReader("{}"), "", 415, 0},
		{"", strings.NewReader("abc"), "", 415, 0},
		{"image/*", strings.NewReader("abc"), "", 415, 0},
		{"image/png", strings.NewReader("abc"), "gzip", 415, 0},
		{"image/png", strings.NewReader("123456789"), "", 413, 0},
		{"image/png", struct{ io.Reader }{strings.NewReader("123456789")}, "", 413, 1},
		{"image/png", struct{ io.Reader }{strings.NewReader("12345678")}, "", 200, 1},
		{"IMAGE/PNG; a=b", strings.NewReader("12345678"), "", 200, 1},
	} {
		before := runs.Load()
		r, _ := http.NewRequest("PUT", url+"/files/1", c.body)
		if c.kind != "" {
			r.Header.Set("Content-Type", c.kind)
		}
		if c.encoding != "" {
			r.Header.Set("Content-Encoding", c.encoding)
		}
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		text, _ := io.ReadAll(answer.Body)
		answer.Body.Close()
		if answer.StatusCode != c.want || runs.Load()-before != c.ran {
			t.Errorf("%q: status %d after %d runs, want %d after %d: %s", c.kind, answer.StatusCode, runs.Load()-before, c.want, c.ran, text)
		}
	}
}

func TestABodyThatIsCutOffIsTheCallersFailure(t *testing.T) {
	failed := make(chan error, 1)
	url := served(t, func(mux *http.ServeMux) {
		putFile.Handle(mux, func(ctx context.Context, r *upload) (stored, error) {
			got, err := size(ctx, r)
			failed <- err
			return got, err
		})
	})
	broken := errors.New("the disk is on fire")
	_, err := putFile.Endpoint(rest.Remote(url, nil))(t.Context(), &upload{ID: "1", Body: io.MultiReader(strings.NewReader("abc"), brokenReader{broken})})
	if !errors.Is(err, broken) || !errors.Is(err, fault.InvalidArgument) {
		t.Errorf("the caller gets %v, want what the reader failed with", err)
	}
	if err := <-failed; !errors.Is(err, fault.InvalidArgument) && !errors.Is(err, fault.Canceled) {
		t.Errorf("the handler reads %v, want the caller's failure", err)
	}
}

type brokenReader struct{ err error }

func (f brokenReader) Read([]byte) (int, error) { return 0, f.err }

func TestAPanicInTheReaderIsThatOfTheCaller(t *testing.T) {
	url := served(t, func(mux *http.ServeMux) { putFile.Handle(mux, size) })
	defer func() {
		if p := recover(); p != "no more" {
			t.Errorf("the caller recovers %v", p)
		}
	}()
	_, _ = putFile.Endpoint(rest.Remote(url, nil))(t.Context(), &upload{ID: "1", Body: panicking{}})
}

type panicking struct{}

func (panicking) Read([]byte) (int, error) { panic("no more") }

var changed = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// closing counts how often it is closed.
type closing struct {
	io.ReadSeeker
	closed *atomic.Int64
}

func (c closing) Close() error {
	c.closed.Add(1)
	return nil
}

func serveFile(t *testing.T, closed *atomic.Int64) string {
	return served(t, func(mux *http.ServeMux) {
		getFile.Handle(mux, func(_ context.Context, r *download) (*content, error) {
			return &content{
				Type: "image/png", Tag: `"v1"`, Changed: changed.Add(time.Millisecond),
				Disposition: mime.FormatMediaType("attachment", map[string]string{"filename": "Übersicht.png"}),
				Body:        closing{strings.NewReader("0123456789"), closed},
			}, nil
		})
	})
}

func TestADownloadHasRangesAndConditions(t *testing.T) {
	var closed atomic.Int64
	url := serveFile(t, &closed)
	at := changed.Format(http.TimeFormat)
	for _, c := range []struct {
		method string
		header []string
		status int
		body   string
		part   string
	}{
		{"GET", nil, 200, "0123456789", ""},
		{"HEAD", nil, 200, "", ""},
		{"GET", []string{"Range", "bytes=2-4"}, 206, "234", "bytes 2-4/10"},
		{"GET", []string{"Range", "bytes=-3"}, 206, "789", "bytes 7-9/10"},
		{"GET", []string{"Range", "bytes=2-4", "If-Range", `"v1"`}, 206, "234", "bytes 2-4/10"},
		{"GET", []string{"Range", "bytes=2-4", "If-Range", `"v0"`}, 200, "0123456789", ""},
		{"GET", []string{"Range", "bytes=2-4", "If-Range", at}, 206, "234", "bytes 2-4/10"},
		{"GET", []string{"Range", "bytes=20-"}, 416, "out_of_range", "bytes */10"},
		{"GET", []string{"Range", "lines=1"}, 416, "out_of_range", ""},
		{"GET", []string{"If-None-Match", `"v1"`}, 304, "", ""},
		{"HEAD", []string{"If-None-Match", `"v1"`}, 304, "", ""},
		{"GET", []string{"If-None-Match", `"v0"`}, 200, "0123456789", ""},
		{"GET", []string{"If-Modified-Since", at}, 304, "", ""},
		{"GET", []string{"If-Modified-Since", "yesterday"}, 200, "0123456789", ""},
		{"GET", []string{"If-Match", `"v0"`}, 412, "failed_precondition", ""},
	} {
		r, _ := http.NewRequest(c.method, url+"/files/1", nil)
		for i := 0; i < len(c.header); i += 2 {
			r.Header.Set(c.header[i], c.header[i+1])
		}
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		text, _ := io.ReadAll(answer.Body)
		answer.Body.Close()
		what := c.method + " " + strings.Join(c.header, " ")
		if answer.StatusCode != c.status {
			t.Errorf("%s: status %d, want %d", what, answer.StatusCode, c.status)
		}
		if got := string(text); got != c.body && (c.status < 400 || !strings.Contains(got, c.body)) {
			t.Errorf("%s: the body is %q, want %q", what, got, c.body)
		}
		if got := answer.Header.Get("Content-Range"); got != c.part {
			t.Errorf("%s: Content-Range is %q, want %q", what, got, c.part)
		}
		if c.status >= 400 && answer.Header.Get("Content-Type") != "application/problem+json" {
			t.Errorf("%s: the refusal is of type %q", what, answer.Header.Get("Content-Type"))
		}
		if c.status < 300 && answer.Header.Get("Last-Modified") != at {
			t.Errorf("%s: Last-Modified is %q, want %q", what, answer.Header.Get("Last-Modified"), at)
		}
	}
	if closed.Load() != 15 {
		t.Errorf("of 15 files %d are closed", closed.Load())
	}
}

func TestACallerGetsADownloadAsAReader(t *testing.T) {
	var closed atomic.Int64
	url := serveFile(t, &closed)
	get := getFile.Endpoint(rest.Remote(url, nil))
	got, err := get(t.Context(), &download{ID: "1"})
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(got.Body)
	if err != nil || string(text) != "0123456789" {
		t.Errorf("the body is %q, %v", text, err)
	}
	if err := got.Body.Close(); err != nil {
		t.Error(err)
	}
	_, params, err := mime.ParseMediaType(got.Disposition)
	if err != nil || params["filename"] != "Übersicht.png" {
		t.Errorf("the file name is %q, %v", params["filename"], err)
	}
	if got.Type != "image/png" || got.Tag != `"v1"` || !got.Changed.Equal(changed) {
		t.Errorf("the header is %+v", got)
	}
	if got, err = get(t.Context(), &download{ID: "1", Range: "bytes=2-4"}); err != nil || got.Part != "bytes 2-4/10" {
		t.Fatalf("a range is answered with %+v, %v", got, err)
	}
	if text, _ := io.ReadAll(got.Body); string(text) != "234" {
		t.Errorf("the range has %q", text)
	}
	got.Body.Close()
	for _, r := range []download{{Match: `"v1"`}, {Since: changed.In(time.FixedZone("", 3600))}} {
		r.ID = "1"
		if got, err = get(t.Context(), &r); err != nil || got.Body != nil || got.Tag != `"v1"` {
			t.Errorf("what has not changed is answered with %+v, %v; want no body", got, err)
		}
	}
	if _, err = get(t.Context(), &download{ID: "1", Range: "bytes=20-"}); !errors.Is(err, fault.OutOfRange) {
		t.Errorf("a range that is not there fails with %v", err)
	}
}

func TestAFileThatCannotBeReadToItsEndBreaksTheAnswer(t *testing.T) {
	for _, body := range []io.ReadCloser{
		io.NopCloser(io.MultiReader(strings.NewReader("abc"), brokenReader{errors.New("bad sector")})),
		io.NopCloser(io.MultiReader(strings.NewReader(strings.Repeat("x", 1<<20)), brokenReader{errors.New("bad sector")})),
		shortFile{strings.NewReader("abc")},
	} {
		url := served(t, func(mux *http.ServeMux) {
			getFile.Handle(mux, func(context.Context, *download) (*content, error) { return &content{Body: body}, nil })
		})
		got, err := getFile.Endpoint(rest.Remote(url, nil))(t.Context(), &download{ID: "1"})
		if err == nil {
			_, err = io.Copy(io.Discard, got.Body)
			got.Body.Close()
		}
		if !errors.Is(err, fault.Unavailable) {
			t.Errorf("the caller gets %v, want that the answer was cut off", err)
		}
	}
}

// shortFile has less than it says.
type shortFile struct{ *strings.Reader }

func (shortFile) Close() error { return nil }
func (s shortFile) Seek(offset int64, whence int) (int64, error) {
	if whence == io.SeekEnd {
		return 1 << 20, nil
	}
	return s.Reader.Seek(offset, whence)
}

func TestAnAnswerOfAnotherTypeIsTheHandlersFailure(t *testing.T) {
	var closed atomic.Int64
	for _, answer := range []*content{
		nil, {}, {Type: "text/html", Body: closing{strings.NewReader("<script>"), &closed}},
		{Tag: "v1", Body: closing{strings.NewReader("x"), &closed}},
		{Disposition: "a\nb", Body: closing{strings.NewReader("x"), &closed}},
	} {
		url := served(t, func(mux *http.ServeMux) {
			getFile.Handle(mux, func(context.Context, *download) (*content, error) { return answer, nil })
		})
		if _, err := getFile.Endpoint(rest.Remote(url, nil))(t.Context(), &download{ID: "1"}); !errors.Is(err, fault.Internal) {
			t.Errorf("%+v is answered with %v", answer, err)
		}
	}
	if closed.Load() != 3 {
		t.Errorf("of 3 files that were not sent %d are closed", closed.Load())
	}
	url := served(t, func(mux *http.ServeMux) {
		mux.HandleFunc("GET /files/1", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "<html>") })
	})
	if _, err := getFile.Endpoint(rest.Remote(url, nil))(t.Context(), &download{ID: "1"}); !errors.Is(err, fault.Internal) {
		t.Errorf("a page instead of a picture is %v", err)
	}
}

// nth fails the first calls without an answer that anything ran.
type nth struct {
	fails int
	read  int64 // how much of each body a failed call reads
	next  http.RoundTripper
}

func TestAFailedUploadIsRepeatedOnlyIfItsBodyCanBe(t *testing.T) {
	url := served(t, func(mux *http.ServeMux) { putFile.Handle(mux, size) })
	for _, c := range []struct {
		name string
		read int64
		body io.Reader
		want bool
	}{
		{"a file that was read", 5, strings.NewReader("0123456789"), true},
		{"a stream that was not read", 0, io.MultiReader(strings.NewReader("0123456789")), true},
		{"a stream that was read", 5, io.MultiReader(strings.NewReader("0123456789")), false},
	} {
		at := &nth{fails: 1, read: c.read, next: http.DefaultTransport}
		put := putFile.Endpoint(twice{rest.Remote(url, &http.Client{Transport: at}), &http.Client{Transport: at}})
		got, err := put(t.Context(), &upload{ID: "1", Body: c.body})
		if c.want && (err != nil || got.Size != 10) {
			t.Errorf("%s: %v, %v; want all 10 bytes at the second attempt", c.name, got, err)
		}
		if !c.want && (err == nil || !fault.IsRepeated(err)) {
			t.Errorf("%s: %v, %v; want a failure that nobody repeats", c.name, got, err)
		}
	}
}

func TestARawBodyThatFitsNoRouteIsRefusedWhenTheRouteIsMade(t *testing.T) {
	type keyed struct {
		Body io.Reader `body:""`
	}
	type both struct {
		Body []byte `body:""`
		Name string `json:"name"`
	}
	type two struct {
		A []byte `body:""`
		B []byte `body:""`
	}
	type typed struct {
		Type string `header:"Content-Type" json:"-"`
		Name string `json:"name"`
	}
	type bad struct {
		Body []byte `body:"pictures"`
	}
	type text struct {
		Body string `body:"text/plain"`
	}
	type open struct {
		Body io.Reader `body:""`
	}
	for want, make := range map[string]func(){
		"whether a streamed body is that of another request": func() { rest.Route[keyed, endpoint.None]{Pattern: "POST /a", Keyed: true}.Describe() },
		"a streamed answer cannot be stored":                 func() { rest.Route[endpoint.None, content]{Pattern: "POST /a", Keyed: true}.Describe() },
		"tag the other fields":                               func() { rest.Route[both, endpoint.None]{Pattern: "POST /a"}.Describe() },
		"each would be the whole of it":                      func() { rest.Route[two, endpoint.None]{Pattern: "POST /a"}.Describe() },
		"which HTTP itself sets":                             func() { rest.Route[typed, endpoint.None]{Pattern: "POST /a"}.Describe() },
		"is no media type":                                   func() { rest.Route[bad, endpoint.None]{Pattern: "POST /a"}.Describe() },
		"make it []byte":                                     func() { rest.Route[text, endpoint.None]{Pattern: "POST /a"}.Describe() },
		"GET has no body":                                    func() { rest.Route[keyed, endpoint.None]{Pattern: "GET /a"}.Describe() },
		"make it an io.ReadCloser":                           func() { rest.Route[endpoint.None, open]{Pattern: "GET /a"}.Describe() },
		"a body in memory needs a limit":                     func() { rest.Route[bytesOnly, endpoint.None]{Pattern: "POST /a", MaxBody: -1}.Describe() },
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

type bytesOnly struct {
	Body []byte `body:""`
}

func TestABodyOfBytesMayBeKeyed(t *testing.T) {
	route := rest.Route[bytesOnly, bytesOnly]{Pattern: "POST /echo", Keyed: true}
	var runs atomic.Int64
	url := served(t, func(mux *http.ServeMux) {
		route.Handle(mux, func(_ context.Context, r bytesOnly) (bytesOnly, error) {
			runs.Add(1)
			return bytesOnly{append(r.Body, "\xff!"...)}, nil
		})
	})
	for range 2 {
		r, _ := http.NewRequest("POST", url+"/echo", strings.NewReader("\x00"))
		r.Header.Set("Idempotency-Key", "k")
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		text, _ := io.ReadAll(answer.Body)
		answer.Body.Close()
		if string(text) != "\x00\xff!" || answer.Header.Get("Content-Type") != "application/octet-stream" {
			t.Errorf("the answer is %q of type %s", text, answer.Header.Get("Content-Type"))
		}
	}
	if runs.Load() != 1 {
		t.Errorf("it ran %d times, want once", runs.Load())
	}
}

func TestForwardPassesBodiesOnWhileTheyArrive(t *testing.T) {
	big := bytes.Repeat([]byte("0123456789abcdef"), 64<<10) // 1 MiB
	put := putFile
	put.MaxBody = -1
	var closed atomic.Int64
	next := make(chan struct{})
	inner := served(t, func(mux *http.ServeMux) {
		put.Handle(mux, size)
		getFile.Handle(mux, func(_ context.Context, r *download) (*content, error) {
			switch r.ID {
			case "none":
				return nil, fault.NotFound.Errorf("no such file")
			case "slow":
				return &content{Type: "text/plain", Body: io.NopCloser(io.MultiReader(strings.NewReader("first "), awaiting{next}, strings.NewReader("second")))}, nil
			case "broken":
				return &content{Type: "text/plain", Body: io.NopCloser(io.MultiReader(bytes.NewReader(big), brokenReader{io.ErrNoProgress}))}, nil
			}
			return &content{Type: "image/png", Tag: `"v1"`, Body: closing{bytes.NewReader(big), &closed}}, nil
		})
	})
	url := served(t, func(mux *http.ServeMux) {
		put.Forward(mux, rest.Remote(inner, nil))
		getFile.Forward(mux, rest.Remote(inner, nil))
	})
	got, err := put.Endpoint(rest.Remote(url, nil))(t.Context(), &upload{ID: "1", Type: "image/png", Body: bytes.NewReader(big)})
	if err != nil || got != (stored{1 << 20, "image/png"}) {
		t.Errorf("an upload of 1 MiB through a gateway arrives as %v, %v", got, err)
	}
	get := getFile.Endpoint(rest.Remote(url, nil))
	file, err := get(t.Context(), &download{ID: "1"})
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(file.Body)
	file.Body.Close()
	if err != nil || !bytes.Equal(text, big) {
		t.Errorf("a download of 1 MiB through a gateway has %d bytes, %v", len(text), err)
	}
	if file, err = get(t.Context(), &download{ID: "1", Range: "bytes=1-3"}); err != nil || file.Part != "bytes 1-3/1048576" {
		t.Fatalf("a range through a gateway is %+v, %v", file, err)
	}
	file.Body.Close()
	if file, err = get(t.Context(), &download{ID: "1", Match: `"v1"`}); err != nil || file.Body != nil {
		t.Fatalf("what has not changed is %+v, %v through a gateway", file, err)
	}
	if _, err = get(t.Context(), &download{ID: "none"}); !errors.Is(err, fault.NotFound) || !strings.Contains(err.Error(), "no such file") {
		t.Errorf("a failure comes through a gateway as %v", err)
	}
	if file, err = get(t.Context(), &download{ID: "broken"}); err != nil {
		t.Fatal(err)
	}
	if _, err = io.Copy(io.Discard, file.Body); !errors.Is(err, fault.Unavailable) {
		t.Errorf("a download that breaks ends through a gateway with %v", err)
	}
	file.Body.Close()
	if file, err = get(t.Context(), &download{ID: "slow"}); err != nil {
		t.Fatal(err)
	}
	start := make([]byte, 6)
	if _, err := io.ReadFull(file.Body, start); err != nil || string(start) != "first " {
		t.Errorf("before its end a download has %q, %v", start, err)
	}
	close(next)
	text, err = io.ReadAll(file.Body)
	if err != nil || string(text) != "second" {
		t.Errorf("and then %q, %v", text, err)
	}
	file.Body.Close()
	head, err := http.Head(url + "/files/1")
	if err != nil || head.StatusCode != 200 || head.ContentLength != 1<<20 {
		t.Errorf("HEAD through a gateway is %v, %v", head, err)
	}
}

// awaiting has nothing until next is closed.
type awaiting struct{ next chan struct{} }

func (a awaiting) Read([]byte) (int, error) {
	<-a.next
	return 0, io.EOF
}

func TestAPipeIsServedAsAStream(t *testing.T) {
	from, to, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	_, _ = to.WriteString("piped")
	to.Close()
	url := served(t, func(mux *http.ServeMux) {
		getFile.Handle(mux, func(context.Context, *download) (*content, error) { return &content{Body: from}, nil })
	})
	got, err := getFile.Endpoint(rest.Remote(url, nil))(t.Context(), &download{ID: "1"})
	if err != nil {
		t.Fatalf("an *os.File that cannot seek is answered with %v", err)
	}
	defer got.Body.Close()
	if text, err := io.ReadAll(got.Body); err != nil || string(text) != "piped" {
		t.Errorf("the answer has %q, %v, want what was piped", text, err)
	}
}
