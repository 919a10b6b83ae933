// Package temporal runs sagas as workflows of Temporal.
//
//	run := temporal.New(Checkout, client) // instead of saga.New(Checkout, store)
package temporal
