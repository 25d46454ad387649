package uringprobe

import "github.com/ringport/ringport/internal/buildinfo"

// version is what this program was built from.
func version() string { return buildinfo.Read().String() }
