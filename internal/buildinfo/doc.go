// Package buildinfo tells what a command was built from: the version of the module, the commit where the build knows
// it, the Go release and the platform.
package buildinfo
