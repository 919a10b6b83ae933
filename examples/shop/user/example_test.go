package user_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/sinew-go/sinew"
	"github.com/sinew-go/sinew/eventbus"
	"github.com/sinew-go/sinew/examples/shop/api"
	"github.com/sinew-go/sinew/examples/shop/internal/database"
	"github.com/sinew-go/sinew/examples/shop/user"
	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/transport/rest"
)

func ExampleNew() {
	ctx := context.Background()
	db, err := database.Open("", "user", user.Schema...)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer db.Close()
	bus := eventbus.NewMemory(eventbus.MemoryPolicy{})
	defer bus.Close(ctx)
	svc := sinew.New("user", sinew.Config{Addr: "127.0.0.1:0", Bus: bus})
	defer svc.Shutdown(ctx)
	user.New(svc, db)
	fmt.Println(svc.Start(ctx))

	client := rest.Remote(svc.URL(), nil)
	ann, err := api.CreateUser.Endpoint(client)(ctx, &api.NewUser{User: api.User{Name: "Ann", Email: "ann@example.com"}, Password: "correct horse"})
	fmt.Println(ann.Role, ann.Status, err)
	_, err = api.AuthenticateUser.Endpoint(client)(ctx, &api.Credentials{Email: ann.Email, Password: "wrong horse"})
	fmt.Println(errors.Is(err, fault.Unauthenticated))
	// Output:
	// <nil>
	// customer active <nil>
	// true
}
