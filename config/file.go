package config

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync/atomic"
	"time"

	"github.com/knadh/koanf/parsers/yaml"
	"github.com/knadh/koanf/providers/rawbytes"
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
// refused: an interrupted write leaves one behind.
func File(path string) Layer {
	return Layer{open: func(_ reflect.Type, every time.Duration) (source, error) {
		if every <= 0 {
			every = time.Second
		}
		f := &file{path: path, every: every}
		switch strings.ToLower(filepath.Ext(path)) {
		case ".yaml", ".yml":
			f.parser = yaml.Parser()
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
		if errors.Is(err, fs.ErrNotExist) {
			code = fault.NotFound
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
	content, err := os.ReadFile(f.path)
	if err != nil {
		return nil, sha256.Sum256([]byte("cannot be read: " + err.Error())), err
	}
	return content, sha256.Sum256(content), nil
}

// parse makes a tree of a file's content. The error quotes nothing of it.
func parse(content []byte, parser koanf.Parser) (map[string]any, error) {
	if len(bytes.TrimSpace(content)) == 0 {
		return nil, errors.New("the file is empty; {} says that nothing is set")
	}
	k := koanf.New(".")
	err := k.Load(rawbytes.Provider(content), parser)
	switch {
	case err == nil:
		return k.Raw(), nil
	case strings.Contains(err.Error(), "cannot unmarshal"):
		return nil, errors.New("an object with the names of settings is needed at the top")
	}
	return nil, err
}

// jsonParser keeps numbers as they are written: a float64 would lose the last
// digits of a long id.
type jsonParser struct{}

// Unmarshal is a method of koanf.Parser.
func (jsonParser) Unmarshal(data []byte) (map[string]any, error) {
	tree, err := parseJSON(data)
	if err != nil {
		return nil, err
	}
	object, ok := tree.(map[string]any)
	if !ok && tree != nil {
		return nil, errors.New("cannot unmarshal what is no object")
	}
	return object, nil
}

// Marshal is a method of koanf.Parser.
func (jsonParser) Marshal(object map[string]any) ([]byte, error) { return json.Marshal(object) }

func parseJSON(data []byte) (tree any, err error) {
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	if err := d.Decode(&tree); err != nil {
		return nil, err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("something follows the JSON value")
	}
	return tree, nil
}
