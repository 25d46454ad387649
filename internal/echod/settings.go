package echod

import (
	"slices"

	"github.com/alecthomas/kong"
)

// settings is the flags that a configuration file may set, in the order of the help. Their targets are in c.
func settings(c *commands) []*kong.Flag {
	parser := kong.Must(c, defaults(), kong.PostBuild(describe)) // a fault in it is one of this program, not of its user
	i := slices.IndexFunc(parser.Model.Children, func(n *kong.Node) bool { return n.Name == "serve" })
	return slices.DeleteFunc(parser.Model.Children[i].Flags, notInFile)
}

// notInFile tells whether a flag cannot be a key of a configuration file.
func notInFile(flag *kong.Flag) bool {
	return flag.Name == "config" || slices.Contains(typedOnly, flag.Name)
}
