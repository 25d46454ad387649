package echod

import (
	"fmt"
	"io"
	"reflect"
	"strings"

	"github.com/BurntSushi/toml"
	"github.com/alecthomas/kong"
)

// printing is the command that writes the configuration as a file that --config takes.
type printing struct{ serveOptions }

func (c printing) run(p process) (status int) {
	return printed(p, c.print(p.stdout))
}

const fileHead = `A configuration of echod, for --config. The command line and the environment go before it. ` +
	`On SIGHUP echod reads it again, and takes the new values of all that are marked with SIGHUP.`

// print writes every setting with what it is for.
func (o serveOptions) print(w io.Writer) error {
	var text strings.Builder
	comment(&text, fileHead)
	group := ""
	for _, flag := range settings(&commands{Serve: o}) {
		if flag.Group.Title != group {
			group = flag.Group.Title
			fmt.Fprintf(&text, "\n# ---- %s ----\n", strings.TrimSuffix(group, ":"))
		}
		text.WriteString("\n")
		comment(&text, markReload(flag))
		line, err := toml.Marshal(map[string]any{flag.Name: writeable(flag.Target)})
		if err != nil {
			return err
		}
		text.Write(line)
	}
	_, err := io.WriteString(w, text.String())
	return err
}

// markReload is the text of a flag, with a mark when SIGHUP changes its value.
func markReload(flag *kong.Flag) string {
	if reloadable(flag) {
		return strings.TrimSuffix(flag.Help, ".") + " (SIGHUP)."
	}
	return flag.Help
}

// comment writes a text as comment lines.
func comment(text *strings.Builder, words string) {
	column := helpWidth // the first word begins a line
	for word := range strings.FieldsSeq(words) {
		if column+1+len(word) > helpWidth {
			if text.Len() > 0 && !strings.HasSuffix(text.String(), "\n") {
				text.WriteString("\n")
			}
			text.WriteString("#")
			column = 1
		}
		text.WriteString(" " + word)
		column += 1 + len(word)
	}
	text.WriteString("\n")
}

// writeable is a flag's value as the file has it: with the unit that people write.
func writeable(value reflect.Value) any {
	if s, ok := value.Interface().(fmt.Stringer); ok {
		return s.String()
	}
	switch value.Kind() {
	case reflect.String:
		return value.String()
	case reflect.Slice:
		return append([]string{}, value.Interface().([]string)...) // TOML has no nil
	}
	return value.Interface()
}
