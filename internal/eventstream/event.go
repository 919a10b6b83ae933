// Package eventstream reads and writes streams of values: server-sent events, as the HTML
// standard has them, and lines of JSON. What it reads may be hostile: it uses bounded memory.
package eventstream

import (
	"bytes"
	"strconv"
	"strings"
	"time"
)

// Event is a server-sent event.
type Event struct {
	// ID is the id of the event, "" for none. It has no line breaks and no NUL.
	ID string
	// Type is the type of the event, "" for the type message. It has no line breaks.
	Type string
	// Data is the data of the event. Its lines are separated by LF.
	Data []byte
	// Retry is how long a reader shall wait before it connects again, in whole
	// milliseconds; zero says nothing.
	Retry time.Duration
}

// Comment is an event that says nothing, so that a connection is not idle.
const Comment = ":\n\n"

// CanBeWritten reports whether the ID and the Type of an event are ones that a reader gets
// back. Every event that a [Reader] returns is so.
func (e Event) CanBeWritten() bool {
	return !strings.ContainsAny(e.ID, "\r\n\x00") && !strings.ContainsAny(e.Type, "\r\n")
}

// Append appends the text of an event to to.
func Append(to []byte, e Event) []byte {
	if e.ID != "" {
		to = append(append(append(to, "id: "...), e.ID...), '\n')
	}
	if e.Type != "" {
		to = append(append(append(to, "event: "...), e.Type...), '\n')
	}
	if e.Retry > 0 {
		milliseconds := max(e.Retry.Milliseconds(), 1) // 0 would be no wait at all
		to = append(strconv.AppendInt(append(to, "retry: "...), milliseconds, 10), '\n')
	}
	for line := range bytes.SplitSeq(e.Data, []byte("\n")) {
		to = append(append(append(to, "data: "...), line...), '\n')
	}
	return append(to, '\n')
}
