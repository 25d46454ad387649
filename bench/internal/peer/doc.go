// Package peer is what the peers' echo servers have in common: the same flags, the same line when they are ready, and
// the version of what they are built on. What each one does with a connection is its own, and stands in its main.go.
package peer
