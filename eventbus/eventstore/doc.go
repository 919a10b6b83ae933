// Package eventstore stores what happened as events, and derives states from them.
package eventstore
