package origin_test

import (
	"net/url"
	"testing"

	"go.uber.org/goleak"

	"github.com/sinew-go/sinew/internal/origin"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestSameComparesSchemeHostAndPort(t *testing.T) {
	for _, tt := range []struct {
		a, b string
		same bool
	}{
		{"http://shop/a", "http://shop/b?c", true}, {"http://shop/", "http://SHOP:80/", true}, {"https://shop/", "https://shop:443/", true},
		{"HTTP://shop/", "http://shop/", true}, {"http://[::1]:8080/", "http://[::1]:8080/x", true}, {"http://ann@shop/", "http://shop/", true},
		{"http://shop/", "https://shop/", false}, {"http://shop/", "http://shop:8080/", false}, {"http://shop/", "http://shop.example/", false},
		{"http://127.0.0.1/", "http://localhost/", false}, {"http://shop:443/", "https://shop/", false},
	} {
		a, err := url.Parse(tt.a)
		if err != nil {
			t.Fatal(err)
		}
		b, err := url.Parse(tt.b)
		if err != nil {
			t.Fatal(err)
		}
		if origin.Same(a, b) != tt.same || origin.Same(b, a) != tt.same {
			t.Errorf("%s and %s: want %v", tt.a, tt.b, tt.same)
		}
	}
}
