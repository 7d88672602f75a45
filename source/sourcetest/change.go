package sourcetest

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/meepo-replicate/meepo/source"
)

// Shape is one of the tables that the suite works with. Beyond its key each has the columns data,
// a text, and n, an integer.
type Shape uint8

// The shapes.
const (
	Numbered Shape = iota // the key is an integer, id
	Worded                // the key is a text, word
	Paired                // the key is an integer and a text, a and b
)

var shapeKeys = [...][]source.Column{
	Numbered: {Int("id")},
	Worded:   {Text("word")},
	Paired:   {Int("a"), Text("b")},
}

// Columns describes a table of the shape, as Memory has it.
func (s Shape) Columns(table source.Table) source.Columns {
	key := shapeKeys[s]
	columns := append(append([]source.Column(nil), key...), Text("data"), Int("n"))
	return Table(table.String(), len(key), columns...)
}

// Change is one change that the suite asks for.
type Change struct {
	Action source.Action
	Table  source.Table
	Shape  Shape
	Key    []source.Value // of the row; int64 or string as the shape says
	NewKey []source.Value // of an Update that changes the key, and nothing else; else nil
	Data   string         // of an Insert or Update
	N      int64          // of an Insert or Update
	To     source.Table   // of a Rename
}

// SQL returns the statement that makes the change, in words that MySQL, MariaDB and Postgres share.
// An Alter drops the column n.
func (c Change) SQL() string {
	names := make([]string, 0, 4)
	for _, column := range shapeKeys[c.Shape] {
		names = append(names, column.Name)
	}
	switch c.Action {
	case source.Insert:
		return fmt.Sprintf("INSERT INTO %s (%s, data, n) VALUES (%s, %s, %d)",
			c.Table, strings.Join(names, ", "), strings.Join(literals(c.Key), ", "), literal(c.Data), c.N)
	case source.Update:
		set := fmt.Sprintf("data = %s, n = %d", literal(c.Data), c.N)
		if c.NewKey != nil {
			set = equal(names, c.NewKey, ", ")
		}
		return fmt.Sprintf("UPDATE %s SET %s WHERE %s", c.Table, set, equal(names, c.Key, " AND "))
	case source.Delete:
		return fmt.Sprintf("DELETE FROM %s WHERE %s", c.Table, equal(names, c.Key, " AND "))
	case source.Truncate:
		return fmt.Sprintf("TRUNCATE TABLE %s", c.Table)
	case source.Create:
		return c.create(names)
	case source.Alter:
		return fmt.Sprintf("ALTER TABLE %s DROP COLUMN n", c.Table)
	case source.Drop:
		return fmt.Sprintf("DROP TABLE %s", c.Table)
	case source.Rename:
		return fmt.Sprintf("ALTER TABLE %s RENAME TO %s", c.Table, c.To.Name)
	}
	return ""
}

func (c Change) create(names []string) string {
	var text strings.Builder
	fmt.Fprintf(&text, "CREATE TABLE %s (", c.Table)
	for _, column := range shapeKeys[c.Shape] {
		typ := "INTEGER"
		if column.Type.Kind == source.KindText {
			typ = "VARCHAR(64)"
		}
		fmt.Fprintf(&text, "%s %s NOT NULL, ", column.Name, typ)
	}
	fmt.Fprintf(&text, "data VARCHAR(255), n INTEGER, PRIMARY KEY (%s))", strings.Join(names, ", "))
	return text.String()
}

func equal(names []string, values []source.Value, separator string) string {
	parts := make([]string, len(names))
	for i, text := range literals(values) {
		parts[i] = names[i] + " = " + text
	}
	return strings.Join(parts, separator)
}

func literals(values []source.Value) []string {
	texts := make([]string, len(values))
	for i, v := range values {
		texts[i] = literal(v)
	}
	return texts
}

// literal writes an integer or a text; the suite's texts have no backslash.
func literal(v source.Value) string {
	switch v := v.(type) {
	case int64:
		return strconv.FormatInt(v, 10)
	case string:
		return "'" + strings.ReplaceAll(v, "'", "''") + "'"
	}
	return fmt.Sprint(v)
}
