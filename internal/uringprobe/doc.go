// Package uringprobe is the program of cmd/uringprobe, which tells what it does. It stands here so that cmd/ringport
// has it, too.
package uringprobe
