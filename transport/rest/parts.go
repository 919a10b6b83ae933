package rest

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"iter"
	"mime"
	"mime/multipart"
	"net/http"
	"net/textproto"
	"reflect"
	"strings"
	"unicode/utf8"

	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/internal/wire"
)

// multipartType is the media type of forms with files.
const multipartType = "multipart/form-data"

// maxParts bounds how many parts a body has, since each costs more than its bytes.
const maxParts = 1000

// Parts are the parts of a request of multipart/form-data, in a field tagged
// `body:"multipart/form-data"`. A handler gets each part while it arrives, and an error as
// the last one if the body is malformed, cut off, or larger than [Route].MaxBody. A part is
// valid until the next one is asked for. Parts are read once.
type Parts = iter.Seq2[*Part, error]

// Part is a field or a file of a form.
type Part struct {
	// Name is the name of the field.
	Name string
	// FileName is that of a file, "" for another field. It has no folder: what a caller says
	// of one is dropped.
	FileName string
	// ContentType is the media type of the content. If it is empty, a file is sent as
	// application/octet-stream, and another field without a type.
	ContentType string
	// Content is what the part has. It need not be read to its end.
	Content io.Reader
}

var partsType = reflect.TypeFor[Parts]()

// incomingParts returns the parts of the body of a request, once.
func incomingParts(r *http.Request, from io.Reader) (Parts, error) {
	_, params, err := mime.ParseMediaType(r.Header.Get(contentTypeName))
	boundary := params["boundary"]
	if err != nil || boundary == "" || len(boundary) > 70 { // RFC 2046, section 5.1.1
		return nil, fault.InvalidArgument.Errorf("the Content-Type of the body has no boundary of 1 to 70 characters")
	}
	reader := multipart.NewReader(bufio.NewReader(from), boundary)
	return func(yield func(*Part, error) bool) {
		for n := 0; ; n++ {
			p, err := nextPart(reader, n)
			if err == io.EOF { //nolint:errorlint // nextPart returns it
				return
			}
			if !yield(p, err) || err != nil {
				return
			}
		}
	}, nil
}

// nextPart returns the next part, or io.EOF. n is how many there were.
func nextPart(from *multipart.Reader, n int) (*Part, error) {
	p, err := from.NextRawPart() // what is encoded is not decoded: RFC 7578, section 4.7
	switch {
	case err == io.EOF: //nolint:errorlint // as multipart.Reader documents it
		return nil, err
	case err != nil:
		return nil, malformedParts(err)
	case n >= maxParts:
		return nil, fault.InvalidArgument.Errorf("the body has more than %d parts", maxParts).
			WithStatus(http.StatusRequestEntityTooLarge)
	case p.FormName() == "":
		return nil, malformedParts(fmt.Errorf("part %d has no name", n+1))
	}
	part := &Part{Name: p.FormName(), FileName: withoutFolder(p.FileName()), Content: partContent{p}}
	part.ContentType = p.Header.Get(contentTypeName)
	if !utf8.ValidString(part.Name) || !utf8.ValidString(part.FileName) {
		return nil, malformedParts(fmt.Errorf("the name of part %d has bytes that are no UTF-8", n+1))
	}
	return part, nil
}

// partContent is the content of a part.
type partContent struct{ *multipart.Part }

// Read implements [io.Reader].
func (c partContent) Read(p []byte) (int, error) {
	n, err := c.Part.Read(p)
	if err != nil && err != io.EOF { //nolint:errorlint // as readers must return it
		err = malformedParts(err)
	}
	return n, err
}

// malformedParts returns the failure of a body: that of its connection or its size, or else
// that it is malformed.
func malformedParts(err error) error {
	if f, ok := errors.AsType[*fault.Error](err); ok {
		return f
	}
	return fault.InvalidArgument.Errorf("the body is no valid %s: %w", multipartType, err)
}

// uploadParts returns the body that has the parts, and its media type.
func uploadParts(parts Parts) (*upload, string) {
	boundary := multipart.NewWriter(io.Discard).Boundary()
	u := &upload{size: -1}
	u.write = func(w io.Writer) error {
		form := multipart.NewWriter(w)
		if err := form.SetBoundary(boundary); err != nil {
			return err
		}
		if parts != nil {
			for p, err := range parts {
				if err == nil {
					err = writePart(form, p)
				}
				if err != nil {
					return err
				}
			}
		}
		return form.Close()
	}
	return u, multipartType + "; boundary=" + boundary
}

func writePart(form *multipart.Writer, p *Part) error {
	switch {
	case p == nil:
		return fault.InvalidArgument.Errorf("a part is nil")
	case p.Name == "":
		return fault.InvalidArgument.Errorf("a part has no name")
	case !wire.IsHeaderValue(p.ContentType):
		return fault.InvalidArgument.Errorf("the type of the part %s has a character that no header may have", p.Name)
	}
	kind := p.ContentType
	disposition := `form-data; name="` + quoteName(p.Name) + `"`
	if p.FileName != "" {
		disposition += `; filename="` + quoteName(p.FileName) + `"`
		if kind == "" {
			kind = bytesType
		}
	}
	header := textproto.MIMEHeader{"Content-Disposition": {disposition}}
	if kind != "" {
		header[contentTypeName] = []string{kind}
	}
	w, err := form.CreatePart(header)
	if err == nil && p.Content != nil {
		_, err = io.Copy(w, struct{ io.Reader }{p.Content})
	}
	return err
}

// quoteName escapes a name as browsers do (HTML, section 4.10.21.8), and a backslash as
// RFC 9110, section 5.6.4, has it: at the end of a name it would escape the quote.
func quoteName(name string) string {
	return strings.NewReplacer(`\`, `\\`, `"`, "%22", "\r", "%0D", "\n", "%0A").Replace(name)
}

// withoutFolder returns the last name of a path, whichever system has made it, "" if that is
// a folder itself.
func withoutFolder(path string) string {
	name := path[strings.LastIndexAny(path, `/\`)+1:]
	if name == "." || name == ".." {
		return ""
	}
	return name
}
