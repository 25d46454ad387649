// Command ringport is echod, echobench and uringprobe in one program, for the container image: it is a third smaller
// than the three, which have most of their code in common. Which of them it is goes by the name that it is started by:
//
//	ln -s ringport echod
//	./echod --help
//
// By another name it tells the names and ends with exit status 2.
package main

import (
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/ringport/ringport/internal/echobench"
	"github.com/ringport/ringport/internal/echod"
	"github.com/ringport/ringport/internal/uringprobe"
)

const exitUsage = 2

// programs is what it can be, by name.
var programs = map[string]func() (status int){
	"echobench":  echobench.Main,
	"echod":      echod.Main,
	"uringprobe": uringprobe.Main,
}

func main() { os.Exit(run(os.Args, os.Stderr)) }

// run is the program that the first argument names; it returns the exit status.
func run(args []string, stderr io.Writer) (status int) {
	name := ""
	if len(args) > 0 {
		name = filepath.Base(args[0])
	}
	if program, found := programs[name]; found {
		return program()
	}
	names := strings.Join(slices.Sorted(maps.Keys(programs)), ", ")
	fmt.Fprintf(stderr, "ringport: usage: no program is called %q; start this one by a name of %s, such as a link to it\n",
		name, names)
	return exitUsage
}
