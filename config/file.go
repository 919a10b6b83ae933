package config

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/internal/backoff"
	"github.com/sinew-go/sinew/internal/heartbeat"
)

// settleTime is how long a changed file must stay unchanged before it is read, so that
// half-written content is not used.
const settleTime = 20 * time.Millisecond

// fileInterval is the time between two comparisons of a file's content.
const fileInterval = time.Second

// File is a layer of a file: YAML if its name ends in .yaml or .yml, JSON if it ends in
// .json; any other name is refused. The file must exist when Load reads it. Afterwards
// changes are noticed within about a second, and used once the file has been unchanged
// for 20 ms. Only this path is read, never other files beside it; it may be a symlink
// whose target changes. The layer belongs to one [Value] at a time: call File for each
// Load.
//
// These are refused: an empty file (an interrupted write leaves one behind), a second
// document, a duplicate key, more than 100 levels, more than 16 MiB, and what is no
// regular file, such as a pipe. In YAML also more than 10,000 keys in one object or
// 100,000 in total, and a custom tag (!x).
func File(path string) Layer {
	f := &fileLayer{path: path}
	switch strings.ToLower(filepath.Ext(path)) {
	case ".yaml", ".yml":
		f.parser = parseYAML
	case ".json":
		f.parser = parseJSONObject
	}
	return f
}

type fileLayer struct {
	path    string
	parser  parser // nil if the name of the file has another ending
	last    atomic.Pointer[fileContent]
	watched atomic.Bool
}

// fileContent is the content that was read last, and its result.
type fileContent struct {
	hash    contentHash
	entries []Entry
	err     error
}

// contentHash identifies the content of a file.
type contentHash [sha256.Size]byte

// Read implements [Layer].
func (f *fileLayer) Read(ctx context.Context) ([]Entry, error) {
	if f.parser == nil {
		return nil, fault.InvalidArgument.Errorf("%s: a file of settings is called .yaml, .yml or .json", f.path)
	}
	content, now, err := f.readHashed()
	if before := f.last.Load(); before != nil {
		if now == before.hash {
			return before.entries, before.err
		}
		if wait := backoff.Wait(ctx, settleTime); wait != nil {
			return nil, wait
		}
		if _, later, _ := f.readHashed(); later != now { // it is being written
			return before.entries, before.err
		}
	}
	next := &fileContent{hash: now}
	next.entries, next.err = f.parseContent(content, err)
	f.last.Store(next)
	return next.entries, next.err
}

// parseContent parses content, which was read with err.
func (f *fileLayer) parseContent(content []byte, err error) ([]Entry, error) {
	if err != nil {
		code := fault.Unavailable
		switch {
		case errors.Is(err, fs.ErrNotExist):
			code = fault.NotFound
		case errors.Is(err, errNotRegular), errors.Is(err, errTooLarge):
			code = fault.InvalidArgument
		}
		return nil, code.Errorf("%s: the file of settings cannot be read: %w", f.path, err)
	}
	tree, err := parse(content, f.parser)
	if err != nil {
		return nil, fault.InvalidArgument.Errorf("%s: %w", f.path, err)
	}
	return []Entry{{Origin: f.path, Value: tree}}, nil
}

// Watch implements [Layer]. What was read last is known to one Value only, so a second one
// is refused.
func (f *fileLayer) Watch(ctx context.Context, changed func(error)) {
	if !f.watched.CompareAndSwap(false, true) {
		changed(fault.FailedPrecondition.Errorf("%s: the layer of this file belongs to another config.Value; call config.File for each Load", f.path))
		return
	}
	defer f.watched.Store(false)
	heartbeat.Until(ctx, fileInterval, func(context.Context) {
		if _, now, _ := f.readHashed(); f.last.Load() == nil || now != f.last.Load().hash {
			changed(nil)
		}
	})
}

func (f *fileLayer) readHashed() ([]byte, contentHash, error) {
	content, err := readRegular(f.path)
	if err != nil {
		return nil, sha256.Sum256([]byte("cannot be read: " + err.Error())), err
	}
	return content, sha256.Sum256(content), nil
}

// maxFileSize is the maximum size of a file of settings, in bytes.
const maxFileSize = 16 << 20

var (
	errNotRegular = errors.New("it is no regular file")
	errTooLarge   = fmt.Errorf("it is larger than %d bytes", maxFileSize)
)

// readRegular reads a regular file. Reading a pipe or a device may never end and cannot
// be cancelled, so those are opened without blocking, and refused.
func readRegular(path string) ([]byte, error) {
	if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() {
		return nil, errNotRegular // even opening a pipe affects its other end
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
		return nil, errNotRegular
	}
	content, err := io.ReadAll(io.LimitReader(f, maxFileSize+1))
	if err == nil && len(content) > maxFileSize {
		err = errTooLarge
	}
	return content, err
}

// parser decodes an object of settings. Its error quotes no value.
type parser func(data []byte) (map[string]any, error)

// parse decodes the content of a file. Its error quotes no content.
func parse(content []byte, p parser) (map[string]any, error) {
	if len(bytes.TrimSpace(content)) == 0 {
		return nil, errors.New("the file is empty; {} says that nothing is set")
	}
	tree, err := p(content)
	if err != nil {
		return nil, err
	}
	if tooDeep(tree, maxDepth) {
		return nil, errDeep
	}
	named, err := stringKeys(tree)
	object, _ := named.(map[string]any)
	return object, err
}

var errNoObject = errors.New("an object with the names of settings is needed at the top")

// parseJSONObject is parseJSON for content that must be an object.
func parseJSONObject(data []byte) (map[string]any, error) {
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
