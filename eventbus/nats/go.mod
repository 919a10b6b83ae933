module github.com/sinew-go/sinew/eventbus/nats

go 1.26.0

require (
	github.com/nats-io/nats.go v1.55.0
	github.com/sinew-go/sinew v0.1.0
)

require (
	github.com/go-kit/kit v0.13.0 // indirect
	github.com/klauspost/compress v1.20.4 // indirect
	github.com/nats-io/nkeys v0.4.16 // indirect
	github.com/nats-io/nuid v1.0.1 // indirect
	go.uber.org/goleak v1.3.0 // indirect
	golang.org/x/crypto v0.57.0 // indirect
	golang.org/x/sys v0.48.0 // indirect
)

replace github.com/sinew-go/sinew => ../..
