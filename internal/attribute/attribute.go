// Package attribute sets the attributes of an event that a broker brought as texts, such as
// headers.
package attribute

import (
	"strings"
	"time"

	"github.com/sinew-go/sinew/eventbus"
	"github.com/sinew-go/sinew/fault"
)

// SpecVersion is the version of CloudEvents that is written and understood.
const SpecVersion = "1.0"

// Set sets the attribute with this name, in lower case, or an extension of the event. It
// returns fault.InvalidArgument for a version or a time that is not understood. The media
// type of the data is none of its names: brokers have a header of their own for it.
func Set(e *eventbus.Event, name, value string) error {
	switch name {
	case "specversion":
		if value != SpecVersion {
			return fault.InvalidArgument.Errorf("an event of specversion %q; %s is understood", value, SpecVersion)
		}
	case "id":
		e.ID = value
	case "source":
		e.Source = value
	case "type":
		e.Type = value
	case "subject":
		e.Subject = value
	case "dataschema":
		e.DataSchema = value
	case "partitionkey":
		e.Key = value
	case "time":
		at, err := time.Parse(time.RFC3339Nano, strings.ToUpper(value))
		if err != nil {
			return fault.InvalidArgument.Errorf("event attribute time: %w", err)
		}
		e.Time = at
	default:
		if e.Extensions == nil {
			e.Extensions = map[string]string{}
		}
		e.Extensions[name] = value
	}
	return nil
}
