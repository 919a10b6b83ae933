package config

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/knadh/koanf/v2"

	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/internal/backoff"
)

// settle is how long a changed file must stay as it is before it is read, so
// that one is not taken up half-written.
const settle = 20 * time.Millisecond

// File is a file of settings: YAML when it is called .yaml or .yml, JSON when it
// is called .json. It must exist when Load reads it, and is followed from then
// on; a change is taken up once it has stood for 20 ms. Only this path is read,
// never what lies beside it; where it leads may change. An empty file is
// refused: an interrupted write leaves one behind. So are a second document, a key
// that stands twice, more than 100 levels, more than 16 MiB, in YAML more than 10,000
// keys in one object or 100,000 in all and a tag of its own (!x), and what is no
// regular file, such as a pipe.
func File(path string) Layer {
	return Layer{open: func(_ reflect.Type, every time.Duration) (source, error) {
		if every <= 0 {
			every = time.Second
		}
		f := &file{path: path, every: every}
		switch strings.ToLower(filepath.Ext(path)) {
		case ".yaml", ".yml":
			f.parser = yamlParser{}
		case ".json":
			f.parser = jsonParser{}
		default:
			return nil, fault.InvalidArgument.Errorf("%s: a file of settings is called .yaml, .yml or .json", path)
		}
		return f, nil
	}}
}

type file struct {
	path   string
	every  time.Duration
	parser koanf.Parser
	seen   atomic.Pointer[mark] // of what was read last

	entries []entry // what it said then
	err     error
}

// mark tells contents apart.
type mark [sha256.Size]byte

func (f *file) read(ctx context.Context) ([]entry, error) {
	content, now, err := f.look()
	if before := f.seen.Load(); before != nil && now != *before {
		if wait := backoff.Wait(ctx, settle); wait != nil {
			return nil, wait
		}
		if _, later, _ := f.look(); later != now { // it is being written
			return f.entries, f.err
		}
	}
	f.seen.Store(&now)
	f.entries, f.err = f.parsed(content, err)
	return f.entries, f.err
}

// parsed is what a file says that was read with err.
func (f *file) parsed(content []byte, err error) ([]entry, error) {
	if err != nil {
		code := fault.Unavailable
		switch {
		case errors.Is(err, fs.ErrNotExist):
			code = fault.NotFound
		case errors.Is(err, errNoFile), errors.Is(err, errLarge):
			code = fault.InvalidArgument
		}
		return nil, code.Errorf("%s: the file of settings cannot be read: %w", f.path, err)
	}
	tree, err := parse(content, f.parser)
	if err != nil {
		return nil, fault.InvalidArgument.Errorf("%s: %w", f.path, err)
	}
	return []entry{{origin: f.path, value: tree}}, nil
}

func (f *file) follow(ctx context.Context, changed func(), _ func(error)) {
	tick := time.NewTicker(f.every)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if _, now, _ := f.look(); now != *f.seen.Load() {
			changed()
		}
	}
}

func (f *file) look() ([]byte, mark, error) {
	content, err := readRegular(f.path)
	if err != nil {
		return nil, sha256.Sum256([]byte("cannot be read: " + err.Error())), err
	}
	return content, sha256.Sum256(content), nil
}

// maxFile is how many bytes a file of settings may have.
const maxFile = 16 << 20

var (
	errNoFile = errors.New("it is no regular file")
	errLarge  = fmt.Errorf("it is larger than %d bytes", maxFile)
)

// readRegular reads a file that ends. A pipe or a device may never do so, and
// nothing could stop the reading of it: it is opened without waiting for its other
// end, and refused.
func readRegular(path string) ([]byte, error) {
	if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() {
		return nil, errNoFile // opening it alone would be felt at its other end
	}
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, errNoFile
	}
	content, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err == nil && len(content) > maxFile {
		err = errLarge
	}
	return content, err
}

// parse makes a tree of a file's content. The error quotes nothing of it.
func parse(content []byte, parser koanf.Parser) (map[string]any, error) {
	if len(bytes.TrimSpace(content)) == 0 {
		return nil, errors.New("the file is empty; {} says that nothing is set")
	}
	tree, err := parser.Unmarshal(content)
	if err != nil {
		return nil, err
	}
	if tooDeep(tree, maxDepth) {
		return nil, errDeep
	}
	named, err := withNames(tree)
	object, _ := named.(map[string]any)
	return object, err
}

var errNoObject = errors.New("an object with the names of settings is needed at the top")

// jsonParser is parseJSON of what must be an object.
type jsonParser struct{}

// Unmarshal is a method of koanf.Parser.
func (jsonParser) Unmarshal(data []byte) (map[string]any, error) {
	tree, err := parseJSON(data)
	if err != nil {
		return nil, err
	}
	object, ok := tree.(map[string]any)
	if !ok && tree != nil {
		return nil, errNoObject
	}
	return object, nil
}

// Marshal is a method of koanf.Parser.
func (jsonParser) Marshal(object map[string]any) ([]byte, error) { return json.Marshal(object) }
