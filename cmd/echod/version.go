package main

import (
	"runtime"
	"runtime/debug"
	"strings"
)

// version is the version of the module with the commit that it was built from, where the build knows them.
func version() string {
	words := []string{"(devel)"}
	if info, ok := debug.ReadBuildInfo(); ok {
		if info.Main.Version != "" {
			words[0] = info.Main.Version
		}
		words = append(words, revision(info)...)
	}
	return strings.Join(append(words, runtime.Version(), runtime.GOOS+"/"+runtime.GOARCH), " ")
}

// revision is the commit, and a word more when the tree had changes.
func revision(info *debug.BuildInfo) (words []string) {
	settings := map[string]string{}
	for _, s := range info.Settings {
		settings[s.Key] = s.Value
	}
	if commit := settings["vcs.revision"]; commit != "" {
		words = append(words, commit)
		if settings["vcs.modified"] == "true" {
			words = append(words, "modified")
		}
	}
	return words
}
