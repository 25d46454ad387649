// Package echobench is the program of cmd/echobench, which tells what it does. It stands here so that cmd/ringport has
// it, too.
package echobench
