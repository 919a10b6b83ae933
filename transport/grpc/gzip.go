package grpc

import (
	"compress/gzip"
	"io"

	"connectrpc.com/connect"
)

// gunzip reads a compressed message, and of one over the limit no more than is needed to
// see that it is. Connect would decompress all of it, to say how large it is.
type gunzip struct {
	gzip.Reader
	max, left int64
}

func newGunzip(maxMessage int) func() connect.Decompressor {
	return func() connect.Decompressor { return &gunzip{max: int64(maxMessage) + 1} }
}

func newGzip() connect.Compressor { return gzip.NewWriter(io.Discard) }

// Read implements [io.Reader].
func (g *gunzip) Read(p []byte) (int, error) {
	if g.left <= 0 {
		return 0, io.EOF
	}
	n, err := g.Reader.Read(p[:min(int64(len(p)), g.left)])
	g.left -= int64(n)
	return n, err
}

// Reset implements [connect.Decompressor].
func (g *gunzip) Reset(r io.Reader) error {
	g.left = g.max
	return g.Reader.Reset(r)
}
