package echod

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strconv"
	"time"

	"github.com/BurntSushi/toml"
	"github.com/alecthomas/kong"

	"github.com/ringport/ringport/internal/size"
)

// maxFile is more than a configuration file can need, in bytes: a slip such as --config /var/log/syslog is not read
// to its end.
const maxFile = 1 << 20

// fromFile gives the flags the values of their keys. Everything that is wrong is a fault, also where the command line
// or the environment goes before it: a file is right or wrong as a whole.
func (r *reading) fromFile(path, origin string, flags []*kong.Flag) {
	text, err := readFile(path)
	if err != nil {
		r.faults = append(r.faults, fmt.Errorf("%s: %w", origin, err))
		return
	}
	entries, err := entriesOf(text)
	if err != nil {
		r.faults = append(r.faults, syntaxFault(path, err))
		return
	}
	for _, e := range entries {
		value, err := e.valueFor(flags)
		if err != nil {
			r.faults = append(r.faults, fmt.Errorf("%s:%d: %w", path, e.line, err))
			continue
		}
		if array, ok := value.([]any); ok && len(array) == 0 {
			continue // none is the default
		}
		r.given[e.key] = given{value, fmt.Sprintf("%s:%d: %s", path, e.line, e.key)}
	}
}

// readFile is the text of a file. It waits for nobody, as reading from a pipe would.
func readFile(path string) (string, error) {
	about, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "", fmt.Errorf("%w; is the path right? echod --print-config writes such a file", err)
	case err != nil:
		return "", err
	case about.IsDir():
		return "", fmt.Errorf("%s is a directory; name the file in it", path)
	case !about.Mode().IsRegular():
		return "", fmt.Errorf("%s is no regular file, and could not be read again on SIGHUP", path)
	}
	file, err := os.Open(path)
	switch {
	case errors.Is(err, fs.ErrPermission):
		return "", fmt.Errorf("%w; the user that echod runs as must be able to read it", err)
	case err != nil:
		return "", err
	}
	defer file.Close()
	text, err := io.ReadAll(io.LimitReader(file, maxFile+1))
	if err == nil && len(text) > maxFile {
		err = fmt.Errorf("%s is longer than %v, and no configuration of echod", path, size.Size(maxFile))
	}
	return string(text), err
}

// syntaxFault says where the text is no TOML.
func syntaxFault(path string, err error) error {
	var parse toml.ParseError
	if errors.As(err, &parse) {
		return fmt.Errorf("%s:%d: %s", path, parse.Position.Line, parse.Message)
	}
	return fmt.Errorf("%s: %w", path, err)
}

// entry is a key of the file.
type entry struct {
	key   string
	value any // string, int64, float64, bool, time.Time, []any, map[string]any or []map[string]any
	line  int
}

// entriesOf is the keys of a text at the top level, in its order.
func entriesOf(text string) (entries []entry, err error) {
	var values map[string]toml.Primitive
	meta, err := toml.Decode(text, &values)
	if err != nil {
		return nil, err
	}
	for _, key := range meta.Keys() {
		if slices.ContainsFunc(entries, func(e entry) bool { return e.key == key[0] }) {
			continue // another key of the same table
		}
		value, line := place(meta, values[key[0]], key[1:])
		entries = append(entries, entry{key[0], value, line})
	}
	return entries, nil
}

// place is a value, and the line on which it stands. A table that no line begins, since only its keys are written, has
// the line of the first one.
func place(meta toml.MetaData, value toml.Primitive, rest toml.Key) (any, int) {
	var p placing
	var refused toml.ParseError
	errors.As(meta.PrimitiveDecode(value, &p), &refused)
	var below map[string]toml.Primitive
	if refused.Position.Line == 0 && len(rest) > 0 && meta.PrimitiveDecode(value, &below) == nil {
		_, line := place(meta, below[rest[0]], rest[1:])
		return p.value, line
	}
	return p.value, refused.Position.Line
}

// placing is a toml.Unmarshaler that takes a value and then refuses it: only errors have the line of a value.
type placing struct{ value any }

var errPlaced = errors.New("placed")

// UnmarshalTOML notes the value.
func (p *placing) UnmarshalTOML(value any) error {
	p.value = value
	return errPlaced
}

// valueFor is the entry's value, as kong takes it, for the flag that it sets.
func (e entry) valueFor(flags []*kong.Flag) (any, error) {
	i := slices.IndexFunc(flags, func(flag *kong.Flag) bool { return flag.Name == e.key })
	if i < 0 {
		return nil, e.unknown(flags)
	}
	value, want := convert(e.value, flags[i].Target.Interface())
	if want != "" {
		return nil, fmt.Errorf("%s is %s, want %s", e.key, kindOf(e.value), want)
	}
	if err := tryParse(flags[i], value); err != nil {
		return nil, fmt.Errorf("%s: %w", e.key, err)
	}
	return value, nil
}

// unknown says what may have been meant by a key that is none.
func (e entry) unknown(flags []*kong.Flag) error {
	switch kindOf(e.value) {
	case "a table", "several tables":
		return fmt.Errorf("unknown table %q: there are none; keys stand at the top, above any line in brackets", e.key)
	}
	if e.key == "config" || slices.Contains(typedOnly, e.key) {
		return fmt.Errorf("unknown key %q: --%s cannot stand in a file", e.key, e.key)
	}
	var names []string
	for _, flag := range flags {
		names = append(names, flag.Name)
	}
	if name := nearest(e.key, names); name != "" {
		return fmt.Errorf("unknown key %q; did you mean %s?", e.key, name)
	}
	return fmt.Errorf("unknown key %q; echod --print-config shows all that there are", e.key)
}

// convert is a TOML value as kong takes it for a flag like the target, or what is wanted instead. TOML has types: a
// number in quotes is a slip, and a time without a unit is another.
func convert(value, target any) (converted any, want string) {
	text, isText := value.(string)
	number, isNumber := value.(int64)
	_, isBool := value.(bool)
	switch target.(type) {
	case bool:
		return value, unless(isBool, "true or false")
	case int:
		return strconv.FormatInt(number, 10), unless(isNumber, "a number, without quotes")
	case size.Size:
		if isNumber {
			return strconv.FormatInt(number, 10), ""
		}
		return text, unless(isText, `a size, such as "16KiB" in quotes, or a number of bytes`)
	case time.Duration:
		return text, unless(isText, `a time with a unit, in quotes, such as "10s"`)
	case []string:
		return value, unless(isTexts(value), `an array of texts in quotes, such as ["tcp://127.0.0.1:7007"]`)
	}
	return text, unless(isText, "a text, in quotes")
}

// unless is nothing when all is well, and the words when it is not.
func unless(well bool, words string) string {
	if well {
		return ""
	}
	return words
}

func isTexts(value any) bool {
	array, ok := value.([]any)
	return ok && !slices.ContainsFunc(array, func(one any) bool { _, isText := one.(string); return !isText })
}

// kindOf says what a TOML value is.
func kindOf(value any) string {
	switch value := value.(type) {
	case string:
		return "a text"
	case int64:
		return "a number"
	case float64:
		return "a number with a fraction"
	case bool:
		return strconv.FormatBool(value)
	case time.Time:
		return "a date or a time of day"
	case map[string]any:
		return "a table"
	case []map[string]any:
		return "several tables"
	}
	return "an array"
}
