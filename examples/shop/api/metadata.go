package api

import "encoding/json"

// Metadata is what a user has kept with an order, as it came: numbers keep all
// of their digits.
type Metadata map[string]json.RawMessage

// MarshalJSON writes null where nothing was kept, which is not the same as {}.
func (m Metadata) MarshalJSON() ([]byte, error) {
	return json.Marshal(map[string]json.RawMessage(m))
}

// UnmarshalJSON refuses what others could not read: a number beyond all
// floats.
func (m *Metadata) UnmarshalJSON(text []byte) error {
	var readable map[string]any
	if err := json.Unmarshal(text, &readable); err != nil {
		return err
	}
	var raw map[string]json.RawMessage
	if err := json.Unmarshal(text, &raw); err != nil {
		return err
	}
	*m = raw
	return nil
}
