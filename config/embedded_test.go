package config_test

import (
	"errors"
	"testing"

	"github.com/sinew-go/sinew/config"
	"github.com/sinew-go/sinew/fault"
)

// Pool is embedded by pointer, as shared settings often are.
type Pool struct {
	Size int `json:"size"`
}

// Validate refuses what is negative.
func (p *Pool) Validate() error {
	if p != nil && p.Size < 0 {
		return fault.InvalidArgument.Errorf("size %d is negative", p.Size)
	}
	return nil
}

type withPool struct {
	*Pool
	Dash string `json:"-,"`
}

func TestSettingsOfAnEmbeddedPointerCountAsTheirOwn(t *testing.T) {
	t.Setenv("POOLED_SIZE", "4")
	given := withPool{Pool: &Pool{Size: 2}}
	v, err := config.Load(given, config.File(fileSource(t, "a.yaml", "size: 3\n\"-\": x\n")))
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	if got := v.Get(); got.Size != 3 || got.Dash != "x" {
		t.Errorf("the file gives size %d and dash %q, want 3 and x", got.Size, got.Dash)
	}
	if given.Size != 2 {
		t.Errorf("the defaults have size %d, want 2 as before", given.Size)
	}
	own, err := config.Load(withPool{}, config.Env("POOLED"))
	if err != nil {
		t.Fatal(err)
	}
	defer own.Close()
	if got := own.Get(); got.Pool == nil || got.Size != 4 {
		t.Errorf("the variable gives %+v, want a pool of size 4", got)
	}
}

func TestAnEmbeddedPointerWithoutSettingsStaysNil(t *testing.T) {
	v, err := config.Load(withPool{}, config.File(fileSource(t, "a.yaml", "{}")))
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	if v.Get().Pool != nil {
		t.Errorf("the pool is %+v, want nil", v.Get().Pool)
	}
}

func TestSettingsThatCannotBeSetAreRefused(t *testing.T) {
	type hidden struct {
		Size int `json:"size"`
	}
	type byPointer struct{ *hidden }
	_, err := config.Load(byPointer{}, config.File(fileSource(t, "a.yaml", "size: 3")))
	checkError(t, err, `key "size": it belongs to an embedded type that is not exported`)
	type tagged struct {
		hidden `json:"pool"`
	}
	_, err = config.Load(tagged{}, config.File(fileSource(t, "a.yaml", "pool: {size: 3}")))
	checkError(t, err, `key "pool": it belongs to an embedded type that is not exported`)
	if !errors.Is(err, fault.InvalidArgument) {
		t.Errorf("its code is %v, want InvalidArgument", fault.CodeOf(err))
	}
}
