package sinew_test

import (
	"context"
	"encoding/xml"
	"errors"
	"log/slog"
	"strings"
	"testing"

	"github.com/sinew-go/sinew"
	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/transport/rest"
)

type parcel struct {
	ID string `json:"id" xml:"id"`
}

func TestAServiceAndItsCallersSpeakTheCodecsOfTheConfig(t *testing.T) {
	decoded := 0
	codec := rest.Codec{
		Name: "xml", MediaTypes: []string{"application/xml"},
		Decode: func(text []byte, v any) error { decoded++; return xml.Unmarshal(text, v) },
		Encode: func(buffer []byte, v any) ([]byte, error) {
			text, err := xml.Marshal(v)
			return append(buffer, text...), err
		},
	}
	route := rest.Route[*parcel, *parcel]{Pattern: "POST /parcels"}
	svc := sinew.New("parcels", sinew.Config{
		Addr: "127.0.0.1:0", Logger: slog.New(slog.DiscardHandler), Codecs: rest.Codecs{codec, rest.JSON()},
	})
	route.Handle(svc, func(_ context.Context, p *parcel) (*parcel, error) { return p, nil })
	if err := svc.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = svc.Shutdown(context.Background()) })
	got, err := route.Endpoint(rest.Prefix("").Caller(svc.Client("parcels")))(t.Context(), &parcel{ID: "7"})
	if err != nil || got.ID != "7" {
		t.Errorf("want the parcel, got %v %v", got, err)
	}
	if decoded != 2 {
		t.Errorf("want the request and the answer in XML, got %d bodies of it", decoded)
	}
}

func TestACodecWithoutANameIsRefused(t *testing.T) {
	err := sinew.Config{Codecs: rest.Codecs{{}}}.Validate()
	if !errors.Is(err, fault.InvalidArgument) || !strings.Contains(err.Error(), "Config.Codecs: ") {
		t.Errorf("want an error that names Config.Codecs, got %v", err)
	}
}
