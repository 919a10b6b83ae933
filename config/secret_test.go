package config_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/sinew-go/sinew/config"
)

func TestSecretShowsNowhere(t *testing.T) {
	secret := config.NewSecret("hunter2")
	open := config.Configuration{Service: "orders", Key: "db.password", Value: "hunter2", Encrypted: true}
	var log bytes.Buffer
	for _, v := range []any{
		secret, &secret, open, &open, []config.Secret{secret}, map[string]config.Secret{"a": secret}, struct{ s config.Secret }{secret},
		config.MemoryPolicy{Key: secret}, settings{Password: secret}, []config.Configuration{open},
	} {
		data, err := json.Marshal(v)
		if err != nil {
			t.Error(err)
		}
		slog.New(slog.NewTextHandler(&log, nil)).Info("x", "v", v)
		slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "v", v)
		for _, shown := range []string{string(data), fmt.Sprintf("%v|%+v|%#v|%s|%q|%x|%d", v, v, v, v, v, v, v), log.String(), fmt.Errorf("%v", v).Error()} {
			if strings.Contains(shown, "hunter2") || strings.Contains(shown, fmt.Sprintf("%x", "hunter2")) {
				t.Errorf("%T shows in %s", v, shown)
			}
		}
	}
	if secret.String() != "[redacted]" || secret.Reveal() != "hunter2" || (config.Secret{}).Reveal() != "" {
		t.Error("String or Reveal is wrong")
	}
}

func TestConfigurationHasTheDocumentedJSON(t *testing.T) {
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	c := config.Configuration{
		ID: "c1", Service: "orders", Environment: "prod", Key: "http.port", Value: json.Number("8080"),
		Type: config.Number, Version: 3, CreatedAt: at, UpdatedAt: at,
	}
	const want = `{"id":"c1","service":"orders","environment":"prod","key":"http.port","value":8080,"type":"number","encrypted":false,"version":3,` +
		`"created_at":"2026-01-02T03:04:05Z","updated_at":"2026-01-02T03:04:05Z"}`
	data, err := json.Marshal(c)
	if err != nil || string(data) != want {
		t.Errorf("got %s, %v", data, err)
	}
	var back config.Configuration
	if err := json.Unmarshal(data, &back); err != nil || back != c {
		t.Errorf("got %+v, %v", back, err)
	}
	if c.String() != "orders/prod http.port=8080 (version 3)" {
		t.Errorf("got %s", c)
	}
}

func TestAnInvalidKeyIsRefused(t *testing.T) {
	for _, key := range []string{"short", "aGVsbG8=", strings.Repeat("!", 44)} {
		p := config.MemoryPolicy{Key: config.NewSecret(key)}
		checkError(t, p.Validate(), "32 bytes in base64")
		func() {
			defer func() {
				if text := fmt.Sprint(recover()); !strings.Contains(text, "32 bytes") || strings.Contains(text, key) {
					t.Errorf("the panic is %q", text)
				}
			}()
			config.NewMemory(p)
		}()
	}
}
