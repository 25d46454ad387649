// Package tidy holds the rules of this tree as an ordinary Go test: which package may import which, where unsafe may
// stand and how it is explained, which comments must be there, what must not be left behind, and that documents show
// and name what there is.
//
// It has no code besides its tests. They need only the Go tool chain, parse the tree from go.mod down, and give the
// same answer on every machine:
//
//	go test ./internal/tidy
//
// A rule is a function from a tree to findings. Each rule is itself tested on a small planted tree that breaks it, so
// that no rule can pass by looking at nothing.
package tidy
