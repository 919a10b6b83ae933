package gateway_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"

	"github.com/sinew-go/sinew"
	"github.com/sinew-go/sinew/examples/shop/gateway"
)

func ExampleNew() {
	svc := sinew.New("gateway", sinew.Config{})
	defer svc.Shutdown(context.Background())
	gateway.New(svc)

	answer := httptest.NewRecorder()
	svc.Handler().ServeHTTP(answer, httptest.NewRequest(http.MethodGet, "/readyz", nil))
	fmt.Println(answer.Code)
	// Output: 503
}
