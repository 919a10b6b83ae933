// Package simtest runs a distributed system in virtual time.
package simtest
