// Package service has the parts that a service starts and stops: listeners with their
// servers, subscriptions, background jobs, readiness checks, and the announcer that keeps
// an instance in the registry. Each part has its own lock and is safe for concurrent use.
// None knows another but by what it is given, and none knows in which order they stop:
// package sinew does.
//
// All parts of a service share one [RunState]. A part reads it while it holds its own lock,
// and starts nothing once the service stops; its Stop, which comes later, takes that lock
// again. What starts is therefore always seen by Stop. [Jobs] alone start until their own
// Stop, since handlers that are drained may add some.
package service
