package grpc

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"connectrpc.com/connect"
)

// body is what a caller sends. Connect blames the service for a body that is malformed;
// body reads the framing beside it, and blames the caller. A message over the limit fails
// at its length, without a read of the rest.
type body struct {
	io.ReadCloser
	ctx     context.Context //nolint:containedctx // of the request
	frames  *frames         // nil if the body is one message without a frame
	encoded bool            // it may have compressed messages
	max     int64           // size of a message
	size    int64           // of what was read
	err     error           // what the body ended with
}

// Read implements [io.Reader].
func (b *body) Read(p []byte) (int, error) {
	if b.err != nil {
		return 0, b.err
	}
	n, err := b.ReadCloser.Read(p)
	b.size += int64(n)
	switch refusal := b.refusal(p[:n]); {
	case refusal != nil:
		b.err = refusal
		return 0, b.err
	case errors.Is(err, io.EOF) && b.frames != nil && b.frames.isOpen():
		err = connect.NewError(connect.CodeInvalidArgument, errors.New("the body ends within a message"))
	case err != nil && !errors.Is(err, io.EOF) && b.ctx.Err() == nil:
		err = connect.NewError(connect.CodeInvalidArgument, fmt.Errorf("the body was cut off: %w", err))
	}
	b.err = err
	return n, err
}

// refusal returns why a body that goes on with p is refused.
func (b *body) refusal(p []byte) error {
	if b.frames == nil {
		if b.size > b.max {
			return tooLarge(b.size, b.max)
		}
		return nil
	}
	return b.frames.read(p, func(flags byte, size int64) error {
		switch {
		case flags > flagCompressed:
			return connect.NewError(connect.CodeInvalidArgument, fmt.Errorf("a message has the flags %#x, which none in a request may have", flags))
		case flags == flagCompressed && !b.encoded:
			return connect.NewError(connect.CodeInvalidArgument, errors.New("a message is compressed, and no header says how"))
		case size > b.max:
			return tooLarge(size, b.max)
		}
		return nil
	})
}

func tooLarge(size, limit int64) error {
	return connect.NewError(connect.CodeResourceExhausted, fmt.Errorf("a message of %d bytes or more is larger than the limit of %d", size, limit))
}

// flagCompressed is the flag of a message that is compressed. It is the only one that a
// message has; the others say that something else than a message follows.
const flagCompressed = 1

// frames follows the framing of a stream of messages.
type frames struct {
	prefix  [5]byte
	got     int   // bytes of prefix
	left    int64 // bytes of the message that follows it
	special []byte
}

// maxSpecial bounds what is kept of a frame that is no message.
const maxSpecial = 4 << 10

// read goes on with p. begin gets the start of each frame.
func (f *frames) read(p []byte, begin func(flags byte, size int64) error) error {
	for len(p) > 0 {
		if f.got < len(f.prefix) {
			n := copy(f.prefix[f.got:], p)
			f.got += n
			p = p[n:]
			if f.got < len(f.prefix) {
				return nil
			}
			f.left = int64(binary.BigEndian.Uint32(f.prefix[1:]))
			if err := begin(f.prefix[0], f.left); err != nil {
				return err
			}
		}
		n := int(min(f.left, int64(len(p))))
		if f.prefix[0] > flagCompressed {
			f.special = append(f.special, p[:min(n, maxSpecial-len(f.special))]...)
		}
		p = p[n:]
		if f.left -= int64(n); f.left == 0 {
			f.got = 0
		}
	}
	return nil
}

// isOpen reports whether the last frame is incomplete.
func (f *frames) isOpen() bool { return f.got > 0 }
