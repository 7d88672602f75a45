package postgres

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/meepo-replicate/meepo/targets"
)

// maxName is the longest identifier that the server keeps; of longer ones it drops the end without an error.
const maxName = 63

// maxColumns is how many columns a table can have.
const maxColumns = 1600

// ownSchema holds what this product keeps for itself.
const ownSchema = "meepo_replicate"

// systemColumns are in every table.
var systemColumns = []string{"tableoid", "xmin", "cmin", "xmax", "cmax", "ctid"}

// CheckName says why a destination cannot be called so; nil if it can: a schema and a table, with a dot between. It asks
// nobody.
func CheckName(name string) error {
	schema, table, ok := strings.Cut(name, ".")
	switch {
	case !ok || schema == "" || table == "":
		return fmt.Errorf("the name %q is not a schema and a table: want %q", name, "public."+strings.Trim(name, "."))
	case schema == ownSchema || schema == "information_schema" || strings.HasPrefix(schema, "pg_"):
		return fmt.Errorf("the schema %q is not for tables of rows", schema)
	}
	for _, part := range []string{schema, table} {
		if err := checkIdentifier(part); err != nil {
			return err
		}
	}
	return nil
}

func checkIdentifier(name string) error {
	switch {
	case !utf8.ValidString(name) || strings.ContainsRune(name, 0):
		return fmt.Errorf("the name %q is not valid UTF-8 without NUL", name)
	case len(name) > maxName:
		return fmt.Errorf("the name %q has %d bytes, PostgreSQL keeps %d", name, len(name), maxName)
	}
	return nil
}

// CheckFields says why fields cannot be the columns of one table; nil if they can. It asks nobody.
func CheckFields(fields []targets.Field) error {
	if len(fields) > maxColumns {
		return fmt.Errorf("%d fields: a table has at most %d columns", len(fields), maxColumns)
	}
	seen := map[string]bool{}
	for _, field := range fields {
		name := field.Name
		if err := checkAsked(field); err != nil {
			return err
		}
		switch {
		case name == "":
			return fmt.Errorf("field %q: the name is empty", name)
		case slices.Contains(systemColumns, name):
			return fmt.Errorf("field %s: every table has a system column of that name", name)
		case strings.Contains(name, "."):
			return fmt.Errorf("field %s: a dot puts a field into an object, and a table has none; give it a name without a dot, such as %s",
				name, strings.ReplaceAll(strings.Trim(name, "."), ".", "_"))
		case seen[name]:
			return fmt.Errorf("field %s: there are two of that name", name)
		}
		if err := checkIdentifier(name); err != nil {
			return fmt.Errorf("field %s: %w", name, err)
		}
		seen[name] = true
	}
	return nil
}

// quote quotes an identifier.
func quote(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }

// quoteTable quotes a destination's name.
func quoteTable(dest string) string {
	schema, table, _ := strings.Cut(dest, ".")
	return quote(schema) + "." + quote(table)
}
