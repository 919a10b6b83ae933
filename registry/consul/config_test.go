package consul

import (
	"errors"
	"strings"
	"testing"

	"github.com/sinew-go/sinew/fault"
)

func TestConfigNamesEveryWrongSetting(t *testing.T) {
	_, err := New(Config{TTL: 1, DeregisterAfter: -1})
	if !errors.Is(err, fault.InvalidArgument) || !strings.Contains(err.Error(), "TTL") || !strings.Contains(err.Error(), "DeregisterAfter") {
		t.Errorf("New: %v", err)
	}
	if _, err := New(Config{Address: "gopher://x"}); !errors.Is(err, fault.InvalidArgument) {
		t.Errorf("unknown scheme: %v", err)
	}
}
