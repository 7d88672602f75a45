package mysql

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/meepo-replicate/meepo/internal/servertest"
	"github.com/meepo-replicate/meepo/source"
)

// TestTypeNamed_Unknown: a name that is no type is an error, and spaces do not matter.
func TestTypeNamed_Unknown(t *testing.T) {
	for _, name := range []string{"", "hyperloop(3)", "varchar2(5)", "(5)", "TEXT(100)", "blob(7)", "long varchar"} {
		if got, err := TypeNamed(name); err == nil {
			t.Errorf("%q is %+v", name, got)
		}
	}
	if got, err := TypeNamed(" VARCHAR (20) "); err != nil || got.Length != 20 || got.Native != "VARCHAR (20)" {
		t.Errorf("%+v, %v", got, err)
	}
}

// TestTypeNamed_Spellings: types that CREATE TABLE takes in other words, or without their sizes, are what the catalog makes of them.
func TestTypeNamed_Spellings(t *testing.T) {
	spellings := []string{
		"CHAR", "BINARY", "DECIMAL", "DECIMAL(5)", "NUMERIC(5,1)", "DEC", "FIXED(5, 2)", "BIT", "INTEGER", "INT(11)", "int unsigned zerofill", "BOOL", "BOOLEAN", "TINYINT(1) UNSIGNED",
		"REAL", "DOUBLE PRECISION", "FLOAT(7,3)", "FLOAT(30)", "FLOAT4", "FLOAT8", "INT1", "INT2", "INT3", "INT4", "INT8 UNSIGNED", "MIDDLEINT", "NCHAR(3)", "NVARCHAR(5)",
		"CHARACTER(3)", "CHARACTER VARYING(5)", "VARCHARACTER(5)", "VARCHAR(20) CHARACTER SET latin1", "YEAR(4)", "DATETIME", "TIME", "TIMESTAMP",
		"enum('a','it''s')", "SET( 'x' , 'y' )", "GEOMETRYCOLLECTION",
	}
	eachFlavor(t, func(t *testing.T, d *servertest.Database, s *Source) {
		for i, spelling := range spellings {
			table := source.Table{Schema: d.Name, Name: fmt.Sprintf("spelling_%d", i)}
			d.Exec(t, "CREATE TABLE "+quoteTable(table)+" (id INT PRIMARY KEY, v "+spelling+" NULL)")
			want := everything(t, s, "", table).Columns[1].Type
			got, err := TypeNamed(spelling)
			got.Native = want.Native
			if diff := cmp.Diff(want, got); diff != "" || err != nil {
				t.Errorf("%s: %v, %s", spelling, err, diff)
			}
		}
	})
}
