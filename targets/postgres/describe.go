package postgres

import (
	"strings"

	"github.com/meepo-replicate/meepo/targets"
)

// Describe shows the statements by which Prepare makes a destination that is not there. It asks nobody.
func (c Config) Describe(dest *targets.Destination) (string, error) {
	table, err := newTable(dest, c.versionColumn(dest))
	if err != nil {
		return "", err
	}
	return terminated(append([]string{createSchema(dest), table.create()}, table.comments(table.columns)...)...), nil
}

// DescribeOwn shows the statements that make what this program keeps for itself in the target.
func DescribeOwn() string {
	return terminated(append([]string{createOwnSchema}, ownTables...)...)
}

// createSchema is the statement that makes the schema of a table.
func createSchema(dest *targets.Destination) string {
	schema, _, _ := strings.Cut(dest.Name, ".")
	return "CREATE SCHEMA IF NOT EXISTS " + quote(schema)
}

func terminated(statements ...string) string { return strings.Join(statements, ";\n") + ";\n" }
