package source

import (
	"cmp"
	"fmt"
	"path"
	"strings"
)

// Table names a table of the source. Schema is MySQL's database or Postgres's schema.
type Table struct {
	Schema string
	Name   string
}

// String returns "schema.name", the form used in messages, flags and mapping files.
func (t Table) String() string { return t.Schema + "." + t.Name }

// Compare orders tables by schema, then name.
func (t Table) Compare(other Table) int {
	return cmp.Or(strings.Compare(t.Schema, other.Schema), strings.Compare(t.Name, other.Name))
}

// IsZero reports whether t names no table.
func (t Table) IsZero() bool { return t == Table{} }

// Pattern selects tables: "shop.orders", "shop.*", "tenant_*.orders". Each half is a shell
// pattern as of [path.Match]; a name without such characters matches itself only.
type Pattern struct {
	Schema string
	Name   string
}

// ParsePattern reads "schema.name". A pattern without a dot is taken in defaultSchema and is
// an error where that is empty. The first dot separates the halves.
func ParsePattern(text, defaultSchema string) (Pattern, error) {
	schema, name, ok := strings.Cut(text, ".")
	if !ok {
		schema, name = defaultSchema, text
	}
	if schema == "" || name == "" {
		return Pattern{}, fmt.Errorf("table pattern %q: want database.table, such as shop.orders or shop.*", text)
	}
	for _, half := range []string{schema, name} {
		if _, err := path.Match(half, ""); err != nil {
			return Pattern{}, fmt.Errorf(`table pattern %q: %w: a [ wants its ], and a \ something behind it`, text, err)
		}
	}
	return Pattern{Schema: schema, Name: name}, nil
}

// String returns the pattern as ParsePattern reads it.
func (p Pattern) String() string { return p.Schema + "." + p.Name }

// Literal reports whether p names exactly one table, and which.
func (p Pattern) Literal() (Table, bool) {
	if IsGlob(p.Schema) || IsGlob(p.Name) {
		return Table{}, false
	}
	return Table(p), true
}

// IsGlob reports whether a half of a pattern may match something else than itself.
func IsGlob(half string) bool { return strings.ContainsAny(half, `*?[\`) }

// Match reports whether t is selected by p.
func (p Pattern) Match(t Table) bool {
	schema, _ := path.Match(p.Schema, t.Schema)
	name, _ := path.Match(p.Name, t.Name)
	return schema && name
}
