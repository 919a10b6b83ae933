package rest_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"testing"

	"github.com/sinew-go/sinew/transport/rest"
)

type blob struct {
	Body io.Reader `body:""`
}

type blobAnswer struct {
	Body io.ReadCloser `body:""`
}

type blobSize struct {
	Size int64 `query:"size" json:"-"`
}

var (
	putBlob  = rest.Route[blob, stored]{Pattern: "PUT /blob", MaxBody: -1}
	getBlob  = rest.Route[blobSize, blobAnswer]{Pattern: "GET /blob"}
	putParts = rest.Route[form, stored]{Pattern: "POST /parts", MaxBody: -1}
)

// zeros has n bytes, and watches the memory while they are read.
type zeros struct {
	n    int64
	idle uint64
	most *uint64
	read int64
}

func (z *zeros) Read(p []byte) (int, error) {
	n := int(min(int64(len(p)), z.n))
	if n == 0 {
		return 0, io.EOF
	}
	clear(p[:n])
	before := z.read >> 24
	z.n, z.read = z.n-int64(n), z.read+int64(n)
	if z.read>>24 != before { // every 16 MiB
		*z.most = max(*z.most, allocated()-min(allocated(), z.idle))
	}
	return n, nil
}

func allocated() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// transfer moves n bytes up, in a form, and down, through a gateway, and returns the most
// memory that it needs over idle.
func transfer(t testing.TB, n int64) uint64 {
	var most, idle uint64
	source := func() *zeros { return &zeros{n: n, idle: idle, most: &most} }
	inner := http.NewServeMux()
	putBlob.Handle(inner, func(_ context.Context, r blob) (stored, error) {
		size, err := io.Copy(io.Discard, r.Body)
		return stored{Size: size}, err
	})
	putParts.Handle(inner, func(_ context.Context, r form) (s stored, err error) {
		for p, err := range r.Parts {
			if err != nil {
				return s, err
			}
			if s.Size, err = io.Copy(io.Discard, p.Content); err != nil {
				return s, err
			}
		}
		return s, nil
	})
	getBlob.Handle(inner, func(_ context.Context, r blobSize) (blobAnswer, error) {
		return blobAnswer{io.NopCloser(source())}, nil
	})
	stock := httptest.NewServer(inner)
	defer stock.Close()
	outer := http.NewServeMux()
	for _, route := range []rest.Forwarder{putBlob, putParts, getBlob} {
		route.Forward(outer, rest.Remote(stock.URL, nil))
	}
	gateway := httptest.NewServer(outer)
	defer gateway.Close()
	c := rest.Remote(gateway.URL, nil)
	runtime.GC()
	idle = allocated()
	if got, err := putBlob.Endpoint(c)(t.Context(), blob{source()}); err != nil || got.Size != n {
		t.Errorf("of an upload of %d bytes %d arrive, %v", n, got.Size, err)
	}
	part := rest.Part{Name: "file", FileName: "a", Content: source()}
	if got, err := putParts.Endpoint(c)(t.Context(), form{partsOf(nil, part)}); err != nil || got.Size != n {
		t.Errorf("of a file of %d bytes in a form %d arrive, %v", n, got.Size, err)
	}
	answer, err := getBlob.Endpoint(c)(t.Context(), blobSize{n})
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if size, err := io.Copy(io.Discard, answer.Body); err != nil || size != n {
		t.Errorf("of a download of %d bytes %d arrive, %v", n, size, err)
	}
	return most
}

const maxOverIdle = 32 << 20

func TestLargeFilesNeedLittleMemory(t *testing.T) {
	if most := transfer(t, 64<<20); most > maxOverIdle {
		t.Errorf("64 MiB need %d bytes of memory, want at most %d", most, maxOverIdle)
	}
}

func BenchmarkOneGiB(b *testing.B) {
	var most uint64
	for b.Loop() {
		most = max(most, transfer(b, 1<<30))
	}
	b.ReportMetric(float64(most)/(1<<20), "MiB-over-idle")
	if most > maxOverIdle {
		b.Errorf("1 GiB needs %d bytes of memory, want at most %d", most, maxOverIdle)
	}
}
