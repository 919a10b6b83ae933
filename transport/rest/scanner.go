package rest

import (
	"encoding/json"
	"errors"
)

// scanner reads JSON text piece by piece. It leaves invalid JSON to encoding/json.
type scanner struct {
	text []byte
	pos  int
}

// errNotJSON ends the scan of text that encoding/json will refuse.
var errNotJSON = errors.New("no JSON")

// next skips blanks and returns the byte that follows, 0 at the end.
func (s *scanner) next() byte {
	for ; s.pos < len(s.text); s.pos++ {
		switch s.text[s.pos] {
		case ' ', '\t', '\r', '\n':
		default:
			return s.text[s.pos]
		}
	}
	return 0
}

// skipString skips the string at the current position and returns it with its quotes.
func (s *scanner) skipString() (text []byte, escaped bool, err error) {
	start := s.pos
	for s.pos++; s.pos < len(s.text) && s.text[s.pos] != '"'; s.pos++ {
		if s.text[s.pos] == '\\' {
			escaped = true
			s.pos++
		}
	}
	if s.pos >= len(s.text) {
		return nil, false, errNotJSON
	}
	s.pos++
	return s.text[start:s.pos], escaped, nil
}

// readName reads the string at the current position and resolves its escapes.
func (s *scanner) readName() ([]byte, error) {
	text, escaped, err := s.skipString()
	switch {
	case err != nil:
		return nil, err
	case !escaped:
		return text[1 : len(text)-1], nil
	}
	var plain string
	if json.Unmarshal(text, &plain) != nil {
		return nil, errNotJSON
	}
	return []byte(plain), nil
}

// skipScalar skips a string, number, bool or null.
func (s *scanner) skipScalar() error {
	switch s.next() {
	case '"':
		_, _, err := s.skipString()
		return err
	case 0:
		return errNotJSON
	}
	for ; s.pos < len(s.text); s.pos++ {
		switch s.text[s.pos] {
		case ',', ']', '}', ' ', '\t', '\r', '\n':
			return nil
		}
	}
	return nil
}
