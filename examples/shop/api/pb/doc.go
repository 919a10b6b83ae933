// Package pb has the messages of api/order.proto.
package pb

//go:generate sh -c "cd ../.. && protoc -I . --go_out=. --go_opt=module=github.com/sinew-go/sinew/examples/shop api/order.proto"
