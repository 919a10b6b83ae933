module github.com/sinew-go/sinew/saga/temporal

go 1.26.0

require (
	github.com/sinew-go/sinew v0.1.0
	github.com/sinew-go/sinew/saga v0.1.0
)

require go.temporal.io/sdk v1.51.0 // indirect

replace github.com/sinew-go/sinew => ../..

replace github.com/sinew-go/sinew/saga => ..
