package mysql

import (
	"database/sql"
	"fmt"
	"strconv"
	"strings"

	"github.com/meepo-replicate/meepo/source"
)

// otherNames are what CREATE TABLE takes and the catalog prints otherwise.
var otherNames = map[string]string{
	"integer": "int", "int1": "tinyint", "int2": "smallint", "int3": "mediumint", "int4": "int", "int8": "bigint", "middleint": "mediumint",
	"bool": "tinyint", "boolean": "tinyint", "numeric": "decimal", "dec": "decimal", "fixed": "decimal",
	"real": "double", "float8": "double", "float4": "float", "nchar": "char", "nvarchar": "varchar", "varcharacter": "varchar", "character": "char",
}

// longest are the lengths of types that name none, as the catalog has them.
var longest = map[string]int64{
	"tinytext": 1<<8 - 1, "text": 1<<16 - 1, "mediumtext": 1<<24 - 1, "longtext": 1<<32 - 1,
	"tinyblob": 1<<8 - 1, "blob": 1<<16 - 1, "mediumblob": 1<<24 - 1, "longblob": 1<<32 - 1,
	"char": 1, "binary": 1,
}

// TypeNamed returns the type of a column that is declared so: as CREATE TABLE has it, or as the catalog prints it,
// such as "decimal(12,2) unsigned". It is for those who have no server at hand; JSON is MySQL's own.
func TypeNamed(native string) (source.Type, error) {
	text := strings.TrimSpace(native)
	word := strings.ToLower(text)
	if at := strings.IndexAny(word, " ("); at >= 0 {
		word = word[:at]
	}
	d := columnDef{native: text, dataType: word}
	if other, ok := otherNames[word]; ok {
		d.dataType = other
	}
	if strings.HasPrefix(strings.ToLower(text), "character varying") {
		d.dataType = "varchar"
	}
	if length, ok := longest[d.dataType]; ok {
		d.length = number(length)
	}
	args := argumentsOf(text)
	switch d.dataType {
	case "decimal":
		d.precision, d.scale = number(10), number(0)
		if len(args) > 0 {
			d.precision = number(args[0])
		}
		if len(args) > 1 {
			d.scale = number(args[1])
		}
	case "float":
		if len(args) == 1 && args[0] > 24 {
			d.dataType = "double"
		}
	case "text", "blob":
		if len(args) > 0 {
			return source.Type{}, &source.HintError{Err: fmt.Errorf("the server makes of %q a type of another length", text), Advice: "name the one that it makes, as SHOW CREATE TABLE does"}
		}
	case "bit":
		d.precision = number(1)
		if len(args) > 0 {
			d.precision = number(args[0])
		}
	case "char", "varchar", "binary", "varbinary":
		if len(args) > 0 {
			d.length = number(args[0])
		}
	case "datetime", "timestamp", "time":
		if len(args) > 0 {
			d.digits = number(args[0])
		}
	}
	t := typeOf(d)
	if t.Unknown {
		return t, fmt.Errorf("%q is no type of MySQL's or MariaDB's that is known here", text)
	}
	return t, nil
}

func number(n int64) sql.NullInt64 { return sql.NullInt64{Int64: n, Valid: true} }

// argumentsOf reads the numbers of "decimal(12,2)"; members of an ENUM are none.
func argumentsOf(native string) []int64 {
	_, rest, _ := strings.Cut(native, "(")
	inside, _, _ := strings.Cut(rest, ")")
	var list []int64
	for _, text := range strings.Split(inside, ",") {
		n, err := strconv.ParseInt(strings.TrimSpace(text), 10, 64)
		if err != nil {
			return nil
		}
		list = append(list, n)
	}
	return list
}
