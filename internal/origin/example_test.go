package origin_test

import (
	"fmt"
	"net/url"

	"github.com/sinew-go/sinew/internal/origin"
)

func ExampleSame() {
	asked, _ := url.Parse("http://shop/orders")
	for _, text := range []string{"http://shop:80/cart", "https://shop/orders"} {
		to, _ := url.Parse(text)
		fmt.Println(text, origin.Same(asked, to))
	}
	// Output:
	// http://shop:80/cart true
	// https://shop/orders false
}
