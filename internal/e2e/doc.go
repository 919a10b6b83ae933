// Package e2e tries the parts of sinew together, as their users do. It has tests alone.
package e2e
