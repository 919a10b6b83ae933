package eventstream_test

import (
	"fmt"
	"strings"

	"github.com/sinew-go/sinew/internal/eventstream"
)

func Example() {
	text := eventstream.Append(nil, eventstream.Event{ID: "7", Type: "moved", Data: []byte(`{"x":1}`)})
	fmt.Print(string(text))
	e, err := eventstream.NewReader(strings.NewReader(string(text)), 100).Next()
	fmt.Println(e.ID, e.Type, string(e.Data), err)
	line, err := eventstream.NewLines(strings.NewReader("{}\n\n"), 100).Next()
	fmt.Println(string(line), err)
	// Output:
	// id: 7
	// event: moved
	// data: {"x":1}
	//
	// 7 moved {"x":1} <nil>
	// {} <nil>
}
