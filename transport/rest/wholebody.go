package rest

import (
	"io"
	"reflect"
	"slices"
	"strings"

	"github.com/sinew-go/sinew/internal/wire"
)

// bodyForm is how a field has a whole body.
type bodyForm int

// The forms of a whole body.
const (
	bytesForm  bodyForm = iota // []byte
	readerForm                 // io.Reader or io.ReadCloser
	valuesForm                 // iter.Seq2, of values: lines of JSON, or events in an answer
	partsForm                  // Parts
)

var (
	bytesFieldType = reflect.TypeFor[[]byte]()
	readerType     = reflect.TypeFor[io.Reader]()
	readCloserType = reflect.TypeFor[io.ReadCloser]()
)

// wholeBody is a field tagged body, which is the whole body of a request or an answer.
type wholeBody struct {
	index  []int
	form   bodyForm
	types  mediaTypes
	values *values // of valuesForm
}

// isStreamed reports whether the body is never in memory as a whole. A nil wholeBody is
// that of a JSON body.
func (b *wholeBody) isStreamed() bool { return b != nil && b.form != bytesForm }

// isOfValues reports whether the body is a stream of values, which may have no end.
func (b *wholeBody) isOfValues() bool { return b != nil && b.form == valuesForm }

// addWhole makes f, a field tagged body, the whole body.
func (b *binding) addWhole(p pattern, owner reflect.Type, f reflect.StructField, tag string, index []int) {
	whole, otherwise := &wholeBody{index: index}, bytesType
	switch {
	case !b.mayHaveBody:
		p.refuse("field %s of %s is tagged body, and %s has no body", f.Name, owner, p.method)
	case !f.IsExported():
		p.refuse("field %s of %s is tagged body but not exported", f.Name, owner)
	case isBound(f, b.tags):
		p.refuse("field %s of %s is tagged body and also %s; choose one", f.Name, owner, wordsOf(b.tags))
	case b.whole != nil:
		p.refuse("two fields of %s are tagged body, and each would be the whole of it", b.t)
	case f.Type == bytesFieldType:
		whole.form = bytesForm
	case f.Type == readCloserType, f.Type == readerType && !b.isAnswer():
		whole.form = readerForm
	case f.Type == partsType && !b.isAnswer():
		whole.form, otherwise = partsForm, multipartType
	case isSequence(f.Type) && f.Type != partsType && !b.isAnswer():
		whole.form, whole.values, otherwise = valuesForm, valuesOf(p, f.Type), wire.JSONLines
	case isSequence(f.Type) && f.Type != partsType:
		whole.form, whole.values, otherwise = valuesForm, valuesOf(p, f.Type), strings.Join(answerForms, ", ")
	case f.Type == readerType:
		p.refuse("field %s of %s is an io.Reader, and whoever reads an answer must close it: make it an io.ReadCloser",
			f.Name, owner)
	default:
		p.refuse("field %s of %s is tagged body and has type %s; make it []byte or an io.ReadCloser",
			f.Name, owner, f.Type)
	}
	var err error
	if whole.types, err = parseMediaTypes(tag, otherwise); err != nil {
		p.refuse("field %s of %s is tagged `body:%q`: %s", f.Name, owner, tag, err)
	}
	if whole.form == partsForm && (len(whole.types) != 1 || whole.types[0] != multipartType) {
		p.refuse("field %s of %s is tagged `body:%q` and has the parts of a form, which is %s",
			f.Name, owner, tag, multipartType)
	}
	if whole.form == valuesForm && b.isAnswer() {
		whole.values.forms = whole.types
		if slices.ContainsFunc(whole.types, func(one string) bool { return !slices.Contains(answerForms, one) }) {
			p.refuse("field %s of %s is tagged `body:%q` and is a stream: choose among %s, or leave the tag empty for both",
				f.Name, owner, tag, strings.Join(answerForms, " and "))
		}
	}
	b.whole = whole
}

// checkWhole refuses what does not fit a whole body, when all fields are known.
func (b *binding) checkWhole(p pattern) {
	isTyped := slices.ContainsFunc(b.fields, func(f field) bool { return f.name == contentTypeName })
	switch {
	case isTyped && (b.whole == nil || b.isAnswer() && b.whole.isOfValues()):
		p.refuse("a field of %s is tagged `header:%q`, which HTTP itself sets", b.t, contentTypeName)
	case b.whole == nil:
		return
	case b.body:
		p.refuse("a field of %s is tagged body and is the whole body: tag the other fields %s, or json:\"-\"",
			b.t, wordsOf(b.tags))
	}
	b.overlapping = false
}

// isAnswer reports whether the binding is that of an answer.
func (b *binding) isAnswer() bool { return slices.Equal(b.tags, answerTags) }
