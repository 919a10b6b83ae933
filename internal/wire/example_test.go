package wire_test

import (
	"context"
	"fmt"
	"net/http"

	"github.com/sinew-go/sinew/call"
	"github.com/sinew-go/sinew/internal/wire"
)

func ExampleInject() {
	h := http.Header{}
	wire.Inject(call.With(context.Background(), call.Record{RequestID: "r-1", Priority: 3}), h)
	fmt.Println(h.Get("X-Request-Id"), h.Get("X-Request-Priority"))
	// Output: r-1 3
}
