package matrix

import (
	"errors"
	"fmt"
	"slices"

	"github.com/BurntSushi/toml"
)

// File is what a comparison is told about servers, and about loads that the catalogue lacks.
type File struct {
	Servers []Server `toml:"server"`
	Loads   []Load   `toml:"load"`
}

// ReadFile reads a TOML file: tables [[server]], and [[load]] if there are any.
func ReadFile(path string) (File, error) {
	var f File
	read, err := toml.DecodeFile(path, &f)
	if err != nil {
		return File{}, fmt.Errorf("matrix: %s: %w", path, err)
	}
	if unknown := read.Undecoded(); len(unknown) > 0 {
		return File{}, fmt.Errorf("matrix: %s: unknown key %v; [[server]] has name, group, command, version, networks, host "+
			"and agent", path, unknown[0])
	}
	for i := range f.Loads {
		f.Loads[i] = f.Loads[i].withDefaults()
	}
	if err := f.validate(); err != nil {
		return File{}, fmt.Errorf("matrix: %s: %w", path, err)
	}
	return f, nil
}

// validate holds servers and loads, and that names are there once.
func (f File) validate() error {
	var wrong []error
	var names []string
	for _, s := range f.Servers {
		wrong = append(wrong, s.Validate())
		names = append(names, "server "+s.Name)
	}
	for _, l := range f.Loads {
		wrong = append(wrong, l.Validate())
		names = append(names, "load "+l.Name)
	}
	slices.Sort(names)
	for i := 1; i < len(names); i++ {
		if names[i] == names[i-1] {
			wrong = append(wrong, fmt.Errorf("matrix: there are two of %s", names[i]))
		}
	}
	return errors.Join(wrong...)
}

// Extend is the catalogue with the file's loads: those of a known name in their place, the others behind.
func (f File) Extend(catalogue []Load) []Load {
	all := slices.Clone(catalogue)
	for _, l := range f.Loads {
		i := slices.IndexFunc(all, func(known Load) bool { return known.Name == l.Name })
		if i < 0 {
			all = append(all, l)
		} else {
			all[i] = l
		}
	}
	return all
}
