package apitest

import (
	"bytes"
	"encoding/json"
)

// width is how long a line of a golden file may be before it is broken.
const width = 110

// layout returns JSON text, as encoding/json has written it, with one operation, type or
// member a line where it fits, so that a change of a contract is a change of few lines.
func layout(text []byte) []byte {
	l := lines{text: spaced(text)}
	l.write("", "", 0, 0)
	l.out.WriteByte('\n')
	return l.out.Bytes()
}

// spaced returns JSON text with blanks after colons and commas.
func spaced(text []byte) []byte {
	out := make([]byte, 0, 2*len(text))
	text = bytes.TrimSpace(text)
	for i := 0; i < len(text); i++ {
		end := i + 1
		if text[i] == '"' {
			end = endOfString(text, i)
		}
		out = append(out, text[i:end]...)
		if text[i] == ':' || text[i] == ',' {
			out = append(out, ' ')
		}
		i = end - 1
	}
	return out
}

// endOfString returns where the string that begins at i ends.
func endOfString(text []byte, i int) int {
	for i++; text[i] != '"'; i++ {
		if text[i] == '\\' {
			i++
		}
	}
	return i + 1
}

// endOf returns where the value that begins at i ends.
func endOf(text []byte, i int) int {
	for depth := 0; i < len(text); i++ {
		switch text[i] {
		case '"':
			i = endOfString(text, i) - 1
		case '{', '[':
			depth++
		case '}', ']':
			depth--
		}
		if next := i + 1; depth == 0 && (next == len(text) || bytes.IndexByte([]byte(",]}"), text[next]) >= 0) {
			return next
		}
	}
	return len(text)
}

// lines writes JSON text that is spaced into lines.
type lines struct {
	text []byte
	out  bytes.Buffer
}

// write writes the value that begins at i, after its indent and key, and returns where it
// ends.
func (l *lines) write(indent, key string, i, depth int) (end int) {
	end = endOf(l.text, i)
	value := l.text[i:end]
	fits := len(indent)+len(key)+len(value)+len(",") <= width
	if isScalar(value) || fits && depth > 2 && !hasLines(key, value) {
		l.out.Write(value)
		return end
	}
	inner := indent + "  "
	l.out.WriteByte(value[0])
	for at := i + 1; at < end-1; at += len(", ") {
		l.out.WriteString("\n" + inner)
		key := ""
		if value[0] == '{' {
			key = string(l.text[at:endOfString(l.text, at)]) + ": "
		}
		l.out.WriteString(key)
		if at = l.write(inner, key, at+len(key), depth+1); at < end-1 {
			l.out.WriteByte(',')
		}
	}
	l.out.WriteString("\n" + indent + string(value[len(value)-1]))
	return end
}

// isScalar reports whether there is nothing in a value to put on lines of its own.
func isScalar(value []byte) bool {
	return value[0] != '{' && value[0] != '[' || len(value) == len("{}")
}

// hasLines reports whether each element of a value has a line of its own, however short.
func hasLines(key string, value []byte) bool {
	for _, name := range []string{`"members": `, `"parameters": `, `"headers": `} {
		if key == name || bytes.Contains(value, []byte(name+"{")) {
			return true
		}
	}
	return false
}

// encode writes v and a line break, and leaves <, > and & as they are.
func encode(out *bytes.Buffer, v any) {
	encoder := json.NewEncoder(out)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(v); err != nil {
		panic("apitest: a contract cannot be written: " + err.Error())
	}
}
