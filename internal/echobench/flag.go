package echobench

import (
	"errors"
	"strings"
	"unicode"

	"github.com/ringport/ringport/internal/load"
)

// flagErrors says of each field of a load.Config that is wrong which flag it is.
func flagErrors(err error) error {
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok {
		return flagError(err)
	}
	var all []error
	for _, err := range joined.Unwrap() {
		all = append(all, flagError(err))
	}
	return errors.Join(all...)
}

func flagError(err error) error {
	if field := (*load.FieldError)(nil); errors.As(err, &field) {
		return errors.New(flagName(field.Field) + " " + field.Problem)
	}
	return err
}

// flagName is the flag of a field: --read-rate for ReadRate.
func flagName(field string) string {
	switch field {
	case "Address":
		return "ADDR"
	case "PID":
		return "--pid"
	}
	var name strings.Builder
	name.WriteByte('-')
	for _, r := range field {
		if unicode.IsUpper(r) {
			name.WriteByte('-')
		}
		name.WriteRune(unicode.ToLower(r))
	}
	return name.String()
}
