package cases

import "github.com/meepo-replicate/meepo/mappings"

// File is the file that makes a folder a case.
const File = "case.yaml"

const (
	defaultMapping = "mapping.yaml"
	wantFile       = "want.txt"
)

// Keys are the keys of case.yaml.
func Keys() []mappings.Key { return caseKeys }

var caseKeys = []mappings.Key{
	{Name: "target", Form: mappings.FormText, Example: "elastic", Default: "that of `--target`",
		Doc: "The target that the mapping is for: its names, types and options are those that count."},
	{Name: "source", Form: mappings.FormText, Example: "postgres", Default: "`mysql`",
		Doc: "The source whose names the types of columns have: `mysql` or `postgres`."},
	{Name: "mappings", Form: mappings.FormOneOrAll, Example: "../../orders.yaml", Default: "`mapping.yaml` in the case's folder, or no mapping where there is none",
		Doc: "The files with the mappings, from the case's folder. Of a `meepo.yaml` it is those that stand in it and in the files that it names."},
	{Name: "variables", Form: mappings.FormMap, Example: "{MASK_KEY: only for this test}",
		Doc: "The variables that the mappings name. Those of the environment are not seen, so that a case gives the same everywhere."},
	{Name: "tables", Form: mappings.FormList, Needed: true, Keys: tableKeys, Example: "[{table: shop.orders, key: id, columns: {id: bigint}}]",
		Doc: "The tables that the source has."},
}

var tableKeys = []mappings.Key{
	{Name: "table", Form: mappings.FormText, Needed: true, Example: "shop.orders", Doc: "The table, with its database or schema."},
	{Name: "key", Form: mappings.FormOneOrAll, Example: "[company, nr]", Default: "none: the table cannot be replicated",
		Doc: "The columns of the primary key, in its order."},
	{Name: "columns", Form: mappings.FormMap, Needed: true, Example: `{id: bigint, total: "decimal(12,2) not null"}`,
		Doc: "The columns in their order, each with its type as CREATE TABLE has it, perhaps with `not null`. An ENUM of PostgreSQL is written `enum('a','b')`."},
	{Name: "refused", Form: mappings.FormText, Example: "no primary key", Default: "the table can be replicated",
		Doc: "Why the source refuses the table."},
	{Name: "rows", Form: mappings.FormList, Keys: nil, Example: "[{id: 1, total: 9.90}]", Default: "none",
		Doc: "The rows: maps from columns to values. A column that is left out is NULL. Dates and times are texts as the source prints them, moments in UTC; bytes are texts, or `0x00ff`; JSON and geometry (GeoJSON) are written as YAML or as a text."},
}
