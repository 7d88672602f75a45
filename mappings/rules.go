package mappings

import (
	"strings"

	"github.com/meepo-replicate/meepo/source"
	"github.com/meepo-replicate/meepo/targets"
)

// Rules say what a target cannot have, beyond what no target can. Its driver gives them, so that a
// table that could not be written is found when mappings are compiled. The zero Rules allow
// everything.
type Rules struct {
	// Name says why a destination cannot have a name; nil if it can. It does no I/O.
	Name func(dest string) error
	// Default names the destination of a table that no mapping names one for; nil is the table's name
	// with its schema, in lower case.
	Default func(table source.Table) string
	// Fields says why a document cannot have these fields; nil if it can. It does no I/O.
	Fields func(fields []targets.Field) error
	// KeyIsFields: the columns of a key are fields of the document, so that both have one type.
	KeyIsFields bool
	// Block is the key of a mapping under which the target's options stand: "elastic".
	Block string
	// Options are what may stand there.
	Options []targets.Option
	// Types are what a field's type may be named as, in place of the one of its kind.
	Types []targets.FieldType
	// Destination says what is wrong with a destination's options, joined; each error begins with the option's
	// place below Block, "settings.index.gc_deletes". It does no I/O.
	Destination func(dest *targets.Destination) error
}

func (r Rules) destination(table source.Table) string {
	if r.Default == nil {
		return strings.ToLower(table.String())
	}
	return r.Default(table)
}

func (r Rules) fields(fields []targets.Field) error {
	if r.Fields == nil {
		return nil
	}
	return r.Fields(fields)
}

// badDestination says what is wrong with a destination's name.
func (c *compiler) badDestination(name string) string {
	if strings.ContainsAny(name, "{}") { // they say by which columns rows are spread
		return "it must not hold { or }"
	}
	if c.rules.Name == nil {
		return badAnywhere(name)
	}
	if err := c.rules.Name(name); err != nil {
		return err.Error()
	}
	return ""
}

// badAnywhere says what is wrong with a destination's name for one target or another, where it is not known which.
func badAnywhere(name string) string {
	switch {
	case name != strings.ToLower(name):
		return "it has to be in lower case"
	case strings.ContainsAny(name, `\/*?"<>|,#:`) || strings.ContainsFunc(name, func(r rune) bool { return r <= ' ' || r == 0x7f }):
		return `it must not hold spaces, control characters or any of : \ / * ? " < > | , #`
	case strings.ContainsAny(name[:1], "-_+."):
		return "it must not begin with - _ + or ."
	case len(name) > 200:
		return "it is longer than 200 bytes"
	}
	return ""
}

// badNames finds the names that a mapping gives to fields and that no field can have in the target.
func (c *compiler) badNames(m Mapping) bool {
	found := false
	for _, field := range m.Fields {
		if field.To.Value == "" {
			continue
		}
		if err := c.rules.fields([]targets.Field{{Name: field.To.Value}}); err != nil {
			c.errors.add(field.To.At, "", "%v", err)
			found = true
		}
	}
	return found
}
