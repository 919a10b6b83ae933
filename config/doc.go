// Package config loads defaults, files, a store, environment variables and flags into one
// typed value. The value is read with one atomic load, and follows its sources when they
// change.
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
// Layers are read in the order in which they are given, and a later one overrides an
// earlier one key by key: objects are merged, anything else, including a list, is
// replaced. A null sets nothing, and is refused in a list of values. Settings are named
// by the json tags of their fields, nested ones by their path: http.port. A time.Duration
// is written "1s", a []byte in base64. A type with UnmarshalJSON or UnmarshalText, such
// as every Policy of this library, decodes itself.
//
// A source of another kind is a type with the two methods of [Layer].
//
// # What is refused
//
// These are refused: a key that is no setting, a key that one source sets twice, a value
// of another type, a file that does not parse, nesting of more than 100 levels, and
// settings that do not Validate. The error is a [fault.Error] that names the file,
// variable, flag or entry, the key, and every fault there. It never contains a secret,
// and it contains a value only if the setting's own type quotes it while decoding itself.
// Validate is called on T, and on the policies and other parts inside it that have the
// method.
//
// # Changes
//
// The content of files is compared once a second, so that renames, editors and the
// symlink swaps of Kubernetes are all noticed. A store is watched if it is a [Watcher],
// otherwise it is listed every ten seconds. [Every] sets another interval.
// Environment variables are read again at each reload, flags only once.
//
// If a source cannot be read, parsed or decoded, its last good content stays in force and
// the other sources are still updated. Settings that do not Validate are refused as a
// whole. No content of a source can cause a panic or remove the value that [Value.Get]
// returns. [Value.Err] returns what is refused until it is repaired. A new refusal is
// logged as a warning and passed to [Value.OnRefused].
//
// # Concurrency
//
// Everything here is safe for concurrent use. What Get returns is never written to again;
// treat it as read-only.
//
// # Secrets
//
// A [Secret] is "[redacted]" when it is printed, logged or marshalled; Reveal returns its
// text. The value of an encrypted [Configuration] is a Secret, stored sealed with
// AES-256-GCM.
package config
