package buildinfo

import (
	"runtime"
	"runtime/debug"
	"strings"
)

// What a build that does not see the version control system gives the linker (-ldflags=-X), as the Dockerfile does.
var linkedVersion, linkedRevision string

// unknownVersion is what Go calls a build whose version it does not know.
const unknownVersion = "(devel)"

// Info says what the running program was built from.
type Info struct {
	Version   string // of the module, such as v1.2.3; (devel) where the build does not know it
	Commit    string // of the version control system; "" where the build does not know it
	Modified  bool   // the tree had changes that are not in the commit
	GoVersion string // such as go1.26.0
	Platform  string // such as linux/amd64
}

// Read returns the Info of the running program.
func Read() Info {
	build, _ := debug.ReadBuildInfo()
	return of(build).orElse(linkedVersion, linkedRevision)
}

// orElse has the version and the commit that the linker was given where Go knows none.
func (i Info) orElse(version, revision string) Info {
	if i.Version == unknownVersion && version != "" {
		i.Version = version
	}
	if i.Commit == "" {
		i.Commit = revision
	}
	return i
}

// of picks from what the linker left in the program; nil when it left nothing.
func of(build *debug.BuildInfo) Info {
	i := Info{Version: unknownVersion, GoVersion: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH}
	if build == nil {
		return i
	}
	if build.Main.Version != "" {
		i.Version = build.Main.Version
	}
	for _, s := range build.Settings {
		switch s.Key {
		case "vcs.revision":
			i.Commit = s.Value
		case "vcs.modified":
			i.Modified = s.Value == "true"
		}
	}
	return i
}

// String returns all of it on one line, such as "v1.2.3 0123abcd modified go1.26.0 linux/amd64".
func (i Info) String() string {
	words := []string{i.Version}
	if i.Commit != "" {
		words = append(words, i.Commit)
	}
	if i.Modified {
		words = append(words, "modified")
	}
	return strings.Join(append(words, i.GoVersion, i.Platform), " ")
}
