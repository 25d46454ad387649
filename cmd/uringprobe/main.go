// Command uringprobe tells whether io_uring works on this machine and what ringport makes of it: whether the
// kernel or a policy refuses rings, why and how to allow them, the features and operations found with the kernel
// that brought each, and the set-up flags that a ring gets.
//
//	uringprobe          for people
//	uringprobe --json   for machines; the names of the fields stay
//
// The exit status says how ringport runs here:
//
//	0   at full speed
//	1   with less than that
//	2   not at all
//	64  the command line was wrong; stdout is empty
//	74  the report could not be written
package main

import (
	"os"

	"github.com/ringport/ringport/internal/uringprobe"
)

func main() { os.Exit(uringprobe.Main()) }
