package api

import "encoding/json"

// Metadata is stored with an order unchanged: numbers keep all their digits.
type Metadata map[string]json.RawMessage

// MarshalJSON writes null if nothing was stored, which differs from {}.
func (m Metadata) MarshalJSON() ([]byte, error) {
	return json.Marshal(map[string]json.RawMessage(m))
}

// UnmarshalJSON refuses what others could not read: a number that is too large for a
// float.
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

// JSONSchema describes an object, or null.
func (Metadata) JSONSchema() map[string]any {
	return map[string]any{"type": []string{"object", "null"}}
}
