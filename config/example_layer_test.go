package config_test

import (
	"context"
	"fmt"

	"github.com/sinew-go/sinew/config"
)

// vault is a layer of one's own: the secrets of a service, by the path of their setting.
type vault struct {
	secrets  func(ctx context.Context) (map[string]string, error)
	rotation <-chan struct{}
}

// Read returns each secret as text, which is read by the type of its setting.
func (v vault) Read(ctx context.Context) (entries []config.Entry, err error) {
	all, err := v.secrets(ctx)
	for path, text := range all {
		entries = append(entries, config.Entry{
			Origin: "vault " + path, Path: path, Value: text, Text: true, Secret: true,
		})
	}
	return entries, err
}

// Watch reports each rotation of the secrets.
func (v vault) Watch(ctx context.Context, changed func(error)) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-v.rotation:
			changed(nil)
		}
	}
}

// Any type with the two methods is a layer. This one is a vault whose secrets are rotated.
func ExampleLayer() {
	type Settings struct {
		Password config.Secret `json:"password"`
		PoolSize int           `json:"pool_size"`
	}
	secrets := map[string]string{"password": "correct horse", "pool_size": "8"}
	rotation := make(chan struct{})
	own := vault{
		secrets:  func(context.Context) (map[string]string, error) { return secrets, nil },
		rotation: rotation,
	}

	settings, err := config.Load(Settings{PoolSize: 2}, own, config.Env("ORDERS"))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer settings.Close()
	fmt.Println(settings.Get().Password, settings.Get().Password.Reveal(), settings.Get().PoolSize)

	changed := make(chan string)
	settings.Watch(func(_, now *Settings) { changed <- now.Password.Reveal() })
	secrets = map[string]string{"password": "battery staple"}
	rotation <- struct{}{}
	fmt.Println(<-changed)
	// Output:
	// [redacted] correct horse 8
	// battery staple
}
