package grpcgo

import (
	"context"
	"testing"
	"testing/synctest"

	"github.com/sinew-go/sinew/call"
	"github.com/sinew-go/sinew/internal/bubble"
)

// unused is a caller of nothing.
type unused struct{}

// Call implements call.Caller.
func (unused) Call(context.Context, call.Operation, func(context.Context, string) error) error {
	return nil
}

func TestAConnectionThatNobodyUsesIsClosed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := NewConn(unused{})
		defer c.Close()
		acquire := func(addr string) *target {
			t.Helper()
			got, err := c.acquire(addr)
			if err != nil {
				t.Fatal(err)
			}
			return got
		}
		c.release(acquire("http://10.0.0.1:80"))
		busy := acquire("http://10.0.0.2:80")
		bubble.Sleep(maxIdle + 1)
		c.release(acquire("http://10.0.0.3:80"))
		if c.targets["http://10.0.0.1:80"] != nil {
			t.Error("the connection to an instance that is gone stays open")
		}
		if c.targets["http://10.0.0.2:80"] != busy {
			t.Error("a connection with a call in flight is closed")
		}
		c.release(busy)
	})
}
