// Package echod is the program of cmd/echod, which tells what it does. It stands here so that cmd/ringport has it, too.
package echod
