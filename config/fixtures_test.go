package config_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/sinew-go/sinew/config"
	"github.com/sinew-go/sinew/retry"
)

type settings struct {
	Addr     string            `json:"addr"`
	Timeout  time.Duration     `json:"timeout"`
	HTTP     httpSettings      `json:"http"`
	Retry    retry.Policy      `json:"retry"`
	Hosts    []string          `json:"hosts"`
	Limits   map[string]int    `json:"limits"`
	Password config.Secret     `json:"password"`
	Extra    *extra            `json:"extra"`
	Since    time.Time         `json:"since"`
	Any      any               `json:"any"`
	Labels   map[string]*extra `json:"labels"`
	Hidden   string            `json:"-"`
}

type httpSettings struct {
	Port     int     `json:"port"`
	MaxConns uint16  `json:"max_conns"`
	Ratio    float64 `json:"ratio"`
	TLS      bool    `json:"tls"`
}

type extra struct {
	ID int64 `json:"id"`
}

var errPort = errors.New("port must not be 666")

func (s settings) Validate() error {
	if s.HTTP.Port == 666 {
		return errPort
	}
	return nil
}

func defaults() settings {
	return settings{
		Addr: ":8080", Timeout: time.Second, HTTP: httpSettings{Port: 1, Ratio: 0.5},
		Hosts: []string{"a"}, Limits: map[string]int{"orders": 1}, Extra: &extra{ID: 7},
		Labels: map[string]*extra{"x": {ID: 1}}, Hidden: "kept",
	}
}

// load is config.Load with the defaults of the tests.
func load(t *testing.T, layers ...config.Layer) (*config.Value[settings], error) {
	t.Helper()
	v, err := config.Load(defaults(), layers...)
	if err == nil {
		t.Cleanup(func() { _ = v.Close() })
	}
	return v, err
}

func mustLoad(t *testing.T, layers ...config.Layer) *config.Value[settings] {
	t.Helper()
	v, err := load(t, layers...)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// fileSource writes a file for a test.
func fileSource(t *testing.T, name, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	write(t, path, content)
	return path
}

func write(t *testing.T, path, content string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

// checkError fails the test unless the error has all the parts and none of the secrets.
func checkError(t *testing.T, err error, parts ...string) {
	t.Helper()
	if err == nil {
		t.Errorf("there is no error, and it should say %q", parts)
		return
	}
	for _, part := range parts {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("%q is not in: %v", part, err)
		}
	}
	if strings.Contains(err.Error(), "hunter2") {
		t.Errorf("it shows a value: %v", err)
	}
}
