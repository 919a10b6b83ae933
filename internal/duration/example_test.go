package duration_test

import (
	"fmt"
	"time"

	"github.com/sinew-go/sinew/internal/duration"
)

func Example() {
	type policy struct {
		Timeout time.Duration `json:"timeout"`
	}
	text, err := duration.Marshal(policy{1500 * time.Millisecond})
	fmt.Println(string(text), err)

	var p policy
	fmt.Println(duration.Unmarshal([]byte(`{"timeout":"2s"}`), &p), p.Timeout)
	fmt.Println(duration.Unmarshal([]byte(`{"timeot":"2s"}`), &p))
	// Output:
	// {"timeout":"1.5s"} <nil>
	// <nil> 2s
	// no setting is named "timeot"; there are timeout
}
