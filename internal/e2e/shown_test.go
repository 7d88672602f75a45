package e2e

import (
	"database/sql"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"math/big"
	"slices"
	"strings"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/meepo-replicate/meepo/internal/servertest"
)

// How whole databases are compared: each value of a row, and of its document, in words that are the same on both
// sides, made by the servers' own functions or by the tests, not by the program.

// form is how a column's values are put into words.
type form string

const (
	asText     form = "text"
	asNumber   form = "number" // decimals too: with all digits
	asBytes    form = "bytes"  // in hexadecimal digits
	asDate     form = "date"
	asMoment   form = "moment"   // with six digits of the second
	asDuration form = "duration" // in seconds
	asList     form = "list"     // SET: members with commas between
	asJSON     form = "json"
)

// shownColumn is a column with its words' form and the expression that has the server say them.
type shownColumn struct {
	name string
	form form
	say  string
	key  bool
}

// columnsOf asks the catalog of a source or of a target for a table's columns.
func columnsOf(t *testing.T, db *servertest.Database, schema, table string) []shownColumn {
	t.Helper()
	if db.Flavor.IsPostgres() {
		var columns []shownColumn
		for _, row := range db.QueryStrings(t, `SELECT a.attname, coalesce(b.typname, y.typname), y.typcategory = 'A', coalesce(a.attnum = ANY (i.indkey), false)
			FROM pg_attribute a JOIN pg_type y ON y.oid = a.atttypid LEFT JOIN pg_type b ON y.typtype = 'd' AND b.oid = y.typbasetype
			LEFT JOIN pg_index i ON i.indrelid = a.attrelid AND i.indisprimary
			WHERE a.attrelid = '`+schema+`.`+table+`'::regclass AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum`) {
			form, say := postgresWords(`"`+row[0]+`"`, row[1], row[2] == "true")
			columns = append(columns, shownColumn{row[0], form, say, row[3] == "true"})
		}
		return columns
	}
	var columns []shownColumn
	for _, row := range db.QueryStrings(t, `SELECT COLUMN_NAME, DATA_TYPE, COLUMN_KEY = 'PRI', EXISTS (SELECT 1 FROM information_schema.CHECK_CONSTRAINTS k
		WHERE k.CONSTRAINT_SCHEMA = c.TABLE_SCHEMA AND k.CHECK_CLAUSE LIKE CONCAT('json_valid(%', COLUMN_NAME, '%'))
		FROM information_schema.COLUMNS c WHERE TABLE_SCHEMA = '`+schema+`' AND TABLE_NAME = '`+table+`' ORDER BY ORDINAL_POSITION`) {
		dataType := row[1]
		if dataType == "longtext" && row[3] == "1" {
			dataType = "json" // MariaDB's
		}
		form, say := mysqlWords("`"+row[0]+"`", dataType)
		columns = append(columns, shownColumn{row[0], form, say, row[2] == "1"})
	}
	return columns
}

func mysqlWords(column, dataType string) (form, string) {
	switch dataType {
	case "tinyint", "smallint", "mediumint", "int", "bigint", "bit", "year", "decimal":
		return asNumber, column + " + 0"
	case "date", "datetime", "timestamp":
		form, as := asMoment, "%Y-%m-%dT%H:%i:%s.%f"
		if dataType == "date" {
			form, as = asDate, "%Y-%m-%d"
		}
		return form, "IF(YEAR(" + column + ") = 0 OR MONTH(" + column + ") = 0 OR DAYOFMONTH(" + column + ") = 0, NULL, DATE_FORMAT(" + column + ", '" + as + "'))"
	case "time":
		return asDuration, "CAST(" + column + " AS CHAR)"
	case "set":
		return asList, column
	case "json":
		return asJSON, "CAST(" + column + " AS CHAR)"
	case "geometry":
		return asJSON, "ST_AsGeoJSON(" + column + ")"
	case "binary", "varbinary", "tinyblob", "blob", "mediumblob", "longblob":
		return asBytes, "LOWER(HEX(" + column + "))"
	}
	return asText, column
}

func postgresWords(column, typeName string, array bool) (form, string) {
	switch {
	case array || typeName == "jsonb":
		return asJSON, "to_jsonb(" + column + ")::text"
	case typeName == "bytea":
		return asBytes, "encode(" + column + ", 'hex')"
	case slices.Contains([]string{"int2", "int4", "int8", "float4", "float8", "numeric"}, typeName):
		return asNumber, column + "::text"
	case typeName == "date":
		return asDate, column + "::text"
	case typeName == "timestamptz":
		return asMoment, "CASE WHEN isfinite(" + column + ") THEN to_char(" + column + " AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US') ELSE " + column + "::text END"
	case typeName == "timestamp":
		return asMoment, "to_char(" + column + ", 'YYYY-MM-DD\"T\"HH24:MI:SS.US')"
	}
	if typeName == "inet" { // a cast adds the length of the mask
		return asText, "CASE WHEN " + column + " IS NOT NULL THEN format('%s', " + column + ") END"
	}
	return asText, column + "::text"
}

// sayIntervals has a PostgreSQL print intervals as the program's documents have them.
func sayIntervals(t *testing.T, db *servertest.Database) {
	t.Helper()
	if db.Flavor.IsPostgres() {
		db.Exec(t, "ALTER DATABASE "+db.Name+" SET intervalstyle = 'iso_8601'")
		db.Reconnect()
	}
}

// rowsIn says all rows of a table, by the words of their keys: a line for each column.
func rowsIn(t *testing.T, db *servertest.Database, schema, table string, columns []shownColumn) map[string]map[string]string {
	t.Helper()
	var list []string
	for _, c := range columns {
		list = append(list, c.say)
	}
	query := "SELECT " + strings.Join(list, ", ") + " FROM " + schema + "." + table
	rows, err := db.DB.QueryContext(t.Context(), query)
	if err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	defer rows.Close()
	all := map[string]map[string]string{}
	for rows.Next() {
		values, into := make([]sql.NullString, len(columns)), make([]any, len(columns))
		for i := range values {
			into[i] = &values[i]
		}
		if err := rows.Scan(into...); err != nil {
			t.Fatal(err)
		}
		row := map[string]string{}
		for i, c := range columns {
			row[c.name] = "<nil>"
			if values[i].Valid {
				row[c.name] = inWords(t, c.form, values[i].String)
			}
		}
		all[keyIn(columns, row)] = row
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return all
}

// keyIn is what tells a row from others.
func keyIn(columns []shownColumn, row map[string]string) string {
	var parts []string
	for _, c := range columns {
		if c.key {
			parts = append(parts, row[c.name])
		}
	}
	return strings.Join(parts, "|")
}

// inWords gives one value one text, however a side prints it.
func inWords(t *testing.T, form form, text string) string {
	t.Helper()
	switch form {
	case asNumber:
		return exact(text)
	case asMoment:
		if strings.HasSuffix(text, "infinity") {
			return text
		}
		text = strings.TrimSuffix(text, "Z")
		if whole, fraction, _ := strings.Cut(text, "."); len(fraction) < 6 {
			return whole + "." + fraction + strings.Repeat("0", 6-len(fraction))
		}
	case asDuration:
		return seconds(text)
	case asJSON:
		d := json.NewDecoder(strings.NewReader(text))
		d.UseNumber()
		var value any
		if err := d.Decode(&value); err != nil {
			t.Fatalf("not JSON: %v: %s", err, text)
		}
		return jsonWords(value)
	}
	return text
}

// exact takes equal numbers for equal: 1.10 and 1.1 are one number, and so are 1e3 and 1000.
func exact(text string) string {
	if n, ok := new(big.Rat).SetString(text); ok {
		return n.RatString()
	}
	return text
}

// seconds reads [-]h:mm:ss[.f], or seconds.
func seconds(text string) string {
	rest, negative := strings.CutPrefix(text, "-")
	total := new(big.Rat)
	for part := range strings.SplitSeq(rest, ":") {
		n, ok := new(big.Rat).SetString(part)
		if !ok {
			return text
		}
		total.Add(total.Mul(total, big.NewRat(60, 1)), n)
	}
	if negative {
		total.Neg(total)
	}
	return total.RatString()
}

// jsonWords has the members of objects in order, and numbers as such.
func jsonWords(value any) string {
	switch v := value.(type) {
	case map[string]any:
		var parts []string
		for _, name := range slices.Sorted(maps.Keys(v)) {
			parts = append(parts, fmt.Sprintf("%q:%s", name, jsonWords(v[name])))
		}
		return "{" + strings.Join(parts, ",") + "}"
	case []any:
		var parts []string
		for _, item := range v {
			parts = append(parts, jsonWords(item))
		}
		return "[" + strings.Join(parts, ",") + "]"
	case string:
		return fmt.Sprintf("%q", v)
	case nil, bool:
		return fmt.Sprint(v)
	}
	return exact(fmt.Sprint(value))
}

// elasticWords says a value of a document of Elasticsearch's.
func elasticWords(t *testing.T, form form, value any) string {
	t.Helper()
	switch v := value.(type) {
	case nil:
		return "<nil>"
	case []any:
		if form == asList {
			return joined(v)
		}
	case string:
		if form == asBytes {
			raw, err := base64.StdEncoding.DecodeString(v)
			if err != nil {
				t.Fatalf("not base64: %v: %s", err, v)
			}
			return hex.EncodeToString(raw)
		}
		if form != asJSON {
			return inWords(t, form, v)
		}
	}
	if form == asJSON {
		return jsonWords(value)
	}
	return inWords(t, form, fmt.Sprint(value))
}

// mongoWords says a value of a document of MongoDB's.
func mongoWords(t *testing.T, form form, value any) string {
	t.Helper()
	switch v := value.(type) {
	case nil:
		return "<nil>"
	case bson.DateTime:
		if day := v.Time().UTC(); form == asDate && day.Year() < 1 {
			return fmt.Sprintf("%04d-%s BC", 1-day.Year(), day.Format("01-02"))
		} else if form == asDate {
			return day.Format(time.DateOnly)
		}
		return v.Time().UTC().Format("2006-01-02T15:04:05.000000")
	case bson.Binary:
		if v.Subtype == bson.TypeBinaryUUID {
			x := hex.EncodeToString(v.Data)
			return x[:8] + "-" + x[8:12] + "-" + x[12:16] + "-" + x[16:20] + "-" + x[20:]
		}
		return hex.EncodeToString(v.Data)
	case bson.A:
		if form == asList {
			return joined(v)
		}
	}
	if form == asJSON {
		return jsonWords(fromBSON(value))
	}
	return inWords(t, form, fmt.Sprint(value))
}

// fromBSON is a value as a reader of JSON would give it.
func fromBSON(value any) any {
	switch v := value.(type) {
	case bson.D:
		object := map[string]any{}
		for _, e := range v {
			object[e.Key] = fromBSON(e.Value)
		}
		return object
	case bson.A:
		list := make([]any, len(v))
		for i := range v {
			list[i] = fromBSON(v[i])
		}
		return list
	}
	return value
}

func joined(list []any) string {
	parts := make([]string, len(list))
	for i, item := range list {
		parts[i] = fmt.Sprint(item)
	}
	return strings.Join(parts, ",")
}
