// Package apitest finds changes of a contract that break those who depend on it, in a
// test:
//
//	func TestTheContractBreaksNobody(t *testing.T) {
//		apitest.Golden(t, "api.golden.json", api.Routes, api.LowStock)
//	}
//
// The file has the routes, topics and types as they travel. It is written by
//
//	go test -update
//
// in the package of the test, and committed, so that a review sees each change of the
// contract. From then on the test fails with a sentence for each change that breaks callers
// and subscribers which know the contract of the file and are not built anew.
//
// # Rules
//
// These changes break:
//
//   - A route, a method or a topic is gone. The name of a path variable does not count.
//   - The status of a success is another; [rest.Route].Keyed is unset, Strict is set, or
//     MaxBody is lower; a topic has no Key any more.
//   - What callers send: a member or parameter is gone, or required, or accepts fewer values
//     than before (another type, a smaller number, fewer values of an enum, no null); a
//     parameter has another default or none; a request gets its first body.
//   - What callers read: a member or header is gone, or may be absent or null, or can have
//     values that it could not have before; an enum has a new value, if its Go type refuses
//     to read values that it does not know.
//   - A body becomes one of bytes, of JSON or a stream, where it was another of these; bytes
//     that callers send are accepted in fewer media types, and those that they read can have
//     more.
//   - A field of Protocol Buffers has another number, kind or json_name, is in another oneof or
//     in none, or becomes optional or no longer is.
//   - A topic has a lower Version, or does not read a version any more that it read. A topic
//     with a higher Version that reads the one before may have any other type: subscribers
//     that do not know it hold its events back.
//   - What subscribers read: the same, and an event is as good as sent, too: a value that it
//     cannot have any more is one that new subscribers may refuse in a stored event.
//
// All else passes: new routes, topics, members, optional parameters and headers, and
// whatever accepts more of callers or answers less. docs/compatibility.md has each rule
// with its reason.
//
// # The flag update
//
// A run with -update defines that flag, unless another package has. If the tests of your
// package define an update flag of their own, that definition and -update exclude each
// other: set the environment variable SINEW_UPDATE to 1, which writes the files, or to 0,
// which leaves them; with either, apitest defines no flag.
package apitest
