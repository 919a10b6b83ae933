package grpcgo

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"

	"github.com/sinew-go/sinew/internal/wire"
)

// withMetadata returns ctx with the metadata of the call that it belongs to, for the
// callee.
func withMetadata(ctx context.Context) context.Context {
	md, ok := metadata.FromOutgoingContext(ctx)
	if !ok {
		md = metadata.MD{}
	}
	h := http.Header{}
	wire.Inject(ctx, h)
	for name, values := range h {
		md.Set(name, values...)
	}
	return metadata.NewOutgoingContext(ctx, md)
}

// requestOf returns the call that ctx belongs to as the request that package wire reads.
func requestOf(ctx context.Context, method string) *http.Request {
	r := &http.Request{Method: http.MethodPost, URL: &url.URL{Path: method}, Header: http.Header{}}
	md, _ := metadata.FromIncomingContext(ctx)
	for name, values := range md {
		if !strings.HasPrefix(name, ":") {
			r.Header[http.CanonicalHeaderKey(name)] = values
		}
	}
	if values := md[":authority"]; len(values) > 0 {
		r.Host = values[0]
	}
	if p, ok := peer.FromContext(ctx); ok {
		if p.Addr != nil {
			r.RemoteAddr = p.Addr.String()
		}
		if tls, ok := p.AuthInfo.(credentials.TLSInfo); ok {
			r.TLS = &tls.State
		}
	}
	if until, ok := ctx.Deadline(); ok { // grpc-go has read the header, and removed it
		const most = 99999999 // milliseconds that the header has room for
		if left := max(time.Until(until).Milliseconds(), 0); left <= most {
			r.Header.Set("Grpc-Timeout", strconv.FormatInt(left, 10)+"m")
		}
	}
	return r.WithContext(ctx)
}
