// Package config turns defaults, files, a store, environment variables and
// flags into one typed value that is read with a single atomic load and follows
// its sources while the program runs.
//
//	settings, err := config.Load(Settings{Addr: ":8080", Timeout: time.Second},
//		config.File("/etc/orders/orders.yaml"),
//		config.FromStore(store, "orders", "prod"),
//		config.Env("ORDERS"),
//		config.Flags(flag.CommandLine),
//	)
//	...
//	client.Timeout = settings.Get().Timeout
//
// # Layers
//
// Layers are read in the order in which they are given; a later one wins, key by
// key: objects are merged, everything else, lists too, is replaced. A null says
// nothing, and has no place in a list of values. Settings are named by the json tags of their fields, and nested ones
// by their path: http.port. A time.Duration is written "1s", a []byte in base64. A type with
// UnmarshalJSON or UnmarshalText, such as every Policy of this library, reads
// itself.
//
// # What is refused
//
// A key that is no setting, a key that one source has twice, a value of another
// type, a file that does not parse, what is nested more than 100 deep, and a result that does not Validate are refused; the error is a
// [fault.Error] that names the file, variable, flag or entry, and the key, and
// all that is wrong there at once. It shows no value, unless the setting's own
// type does so when it reads itself, and nothing of a secret. Validate is called
// on T, and on the policies and other parts inside it, if they have it.
//
// # Changes
//
// Files are compared by content once a second, so that renames, editors and the
// symlink swaps of Kubernetes are seen alike; a store is watched if it is a
// [Watcher], else listed every ten seconds. [Layer.Every] changes both. Flags are
// read once, environment variables at each reload.
//
// A source that cannot be read, parsed or decoded keeps its last good content
// while the others go on. A combination that does not Validate is refused whole.
// Nothing that a source says can panic or take away the value that [Value.Get]
// gives; [Value.Err] tells what was refused, until it is mended. What is newly
// refused is a warning in the log, and [Value.OnRefused] hears of it.
//
// # Concurrency
//
// Everything here is safe for concurrent use. What Get returns is never written
// to again: treat it as read-only.
//
// # Secrets
//
// A [Secret] prints, logs and marshals as [redacted]; Reveal gives its text. An
// encrypted [Configuration] holds one, and is stored sealed with AES-256-GCM.
package config
