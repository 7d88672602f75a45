package mappings

// Form says what a key of the language holds.
type Form string

// The forms.
const (
	FormText     Form = "text"
	FormTexts    Form = "texts"         // a list of texts
	FormOneOrAll Form = "text or texts" // a text or a list of them
	FormNumber   Form = "number"
	FormTruth    Form = "truth"    // true or false
	FormWord     Form = "word"     // one of Key.Words
	FormMap      Form = "map"      // with the keys Key.Keys
	FormColumns  Form = "columns"  // a map from columns to maps with the keys Key.Keys
	FormList     Form = "list"     // of maps with the keys Key.Keys
	FormOptions  Form = "options"  // a map that the target's driver describes
	FormWordOr   Form = "word map" // one of Key.Words, or a map with the keys Key.Keys
	FormVersion  Form = "version"  // 1
	FormType     Form = "type"     // a text: a type that the target knows, or that serves every target
)

// Key is a key of the language: the one place from which messages, the JSON schema and the documentation have it.
type Key struct {
	Name    string
	Form    Form
	Doc     string // what it does, in sentences
	Default string // what holds without it; empty: see Doc, or it is needed
	Example string // a value in YAML, in flow style
	Needed  bool
	Words   []string
	Keys    []Key
	// What else holds, for editors; the loader says it in words.
	Pattern   string            // of a text, variables apart
	Null      bool              // YAML's null will do for the text "null"
	With      string            // the key that has to stand beside it
	WithWord  string            // the word that has to stand there; empty: any
	Without   string            // the key that must not
	WordNeeds map[string]string // keys that words need beside them
}

// FileKeys are the keys of a mapping file.
func FileKeys() []Key {
	return []Key{
		{Name: "version", Form: FormVersion, Doc: "The version of the language.", Example: "1", Needed: true},
		{Name: "mappings", Form: FormList, Doc: "The mappings.", Needed: true, Keys: MappingKeys(),
			Example: "[{from: shop.orders}]"},
	}
}

// MappingKeys are the keys of a mapping, in the order in which to write them.
func MappingKeys() []Key { return mappingKeys }

// FieldKeys are what can be said of a column or field.
func FieldKeys() []Key { return fieldKeys }

var mappingKeys = []Key{
	{Name: "name", Form: FormText, Example: "orders", Default: "the destination", Pattern: "^[A-Za-z0-9_.-]{1,100}$",
		Doc: "Names the mapping in the state, in metrics and in commands. Letters, digits, `_`, `-` and `.`. A mapping that is given another name is copied anew."},
	{Name: "from", Form: FormOneOrAll, Example: "[shop.orders, tenant_*.orders]", Needed: true, Pattern: `^[^.]+\..+$`,
		Doc: "The tables: `database.table` (in PostgreSQL `schema.table`), a pattern with `*` and `?`, or a list of those. Written exactly as in the catalog."},
	{Name: "to", Form: FormText, Example: "orders", Pattern: templatePattern, Default: "the target's own name for the table, such as `shop.orders`",
		Doc: "The destination: an index alias, a collection, or `schema.table`. May hold `{db}`, `{table}` and columns of the key: `orders_{region}` makes one per region, as rows come. Several tables may share one if `id` keeps them apart."},
	{Name: "id", Form: FormText, Example: `"{db}:{id}"`, Pattern: templatePattern, Default: "the key's columns, joined by `|`",
		Doc: "The document's id: text with `{db}`, `{table}` and the names of key columns in braces, since a deleted row leaves nothing else. It holds every key column, with something between two of them; where a value contains that, a `\\` is put before it. `{{` and `}}` are braces."},
	{Name: "where", Form: FormText, Example: `status != "draft"`, Default: "every row",
		Doc: "Which rows have a document: an expression over the table's columns, those that are left out too. The document of a row that stops matching is deleted, or marked. A row of which the condition is NULL does not match. It is asked of the rows that were read, not of the database."},
	{Name: "columns", Form: FormTexts, Example: "[id, total]", Default: "all", Without: "exclude", Doc: "Only these columns, in this order. Not together with `exclude`."},
	{Name: "exclude", Form: FormTexts, Example: "[internal_note]", Default: "none", Doc: "All columns but these."},
	{Name: "fields", Form: FormColumns, Example: "{total: {to: amount}}", Keys: fieldKeys,
		Doc: "What is said of single columns, under the column's name. A name that is no column is a new field, with `value` or `expr`."},
	{Name: "on_delete", Form: FormWordOr, Example: "{mark: deleted_at}", Default: "`delete`", Words: []string{"delete"},
		Doc:  "What becomes of the document of a row that goes, or stops matching `where`. With `mark` it stays, and the named field says since when the row is gone; should the row come back, it is empty again.",
		Keys: []Key{{Name: "mark", Form: FormText, Example: "deleted_at", Needed: true, Pattern: fieldPattern, Doc: "The field that holds the time of the deletion."}}},
	{Name: "on_schema_change", Form: FormMap, Example: "{add: evolve, other: park}", Default: "by `--on-schema-change`",
		Doc: "What is done about a change of a table's columns. See [changes](changes.md).", Keys: policyKeys},
	{Name: "new_tables", Form: FormWord, Example: "ignore", Default: "`backfill`", Words: []string{NewBackfill, NewIgnore}, WordNeeds: map[string]string{NewIgnore: "name"},
		Doc: "Tables that come later under a pattern of `from`: `backfill` copies and follows them, `ignore` leaves them out. A mapping with `ignore` needs a `name`."},
	{Name: "adopt", Form: FormTruth, Example: "true", Default: "`false`: a new state refuses a destination that holds documents",
		Doc: "Takes over destinations that hold documents which another tool, or an earlier state, has put there: they are compared with the rows, what differs is written, and documents without a row are removed. Nothing else is written."},
	{Name: "elastic", Form: FormOptions, Example: "{settings: {number_of_shards: 3}}", Doc: "What is said for Elasticsearch alone."},
	{Name: "mongo", Form: FormOptions, Example: "{}", Doc: "What is said for MongoDB alone."},
	{Name: "postgres", Form: FormOptions, Example: "{}", Doc: "What is said for PostgreSQL as the target alone."},
}

// templatePattern: a name stands in braces, and two are the character.
const templatePattern = `^([^{}]|\{\{|\}\}|\{[^{}]+\})+$`

// fieldPattern: a dot nests, so it stands between two names.
const fieldPattern = `^[^.]+(\.[^.]+)*$`

var fieldKeys = []Key{
	{Name: "to", Form: FormText, Example: "address.street", Default: "the column's name", Pattern: fieldPattern,
		Doc: "The field's name in the document. A dot nests."},
	{Name: "type", Form: FormType, Example: "boolean", Default: "by the column's type, see the target's TYPES.md",
		Doc: "The field's type: one that the target knows (its TYPES.md lists them), or `boolean` of a number, `text` of any value, `hex`, `base64` or `uuid` of bytes, `uuid` or `json` of a text."},
	{Name: "scale", Form: FormNumber, Example: "100", With: "type", Doc: "The scaling factor of the type `scaled_float`."},
	{Name: "zero_date", Form: FormText, Example: `"null"`, Default: "by the target's TYPES.md", Null: true, Pattern: `^(null|error|\d{4}-\d{2}-\d{2})$`,
		Doc: "What becomes of zero, partial, impossible and infinite dates: `null`, `error` (the row becomes a dead letter), or a date such as `1970-01-01` to put in their place."},
	{Name: "zone", Form: FormText, Example: "Europe/Vienna", Default: "none: it stays a wall clock",
		Doc: "The time zone in which a date and time without one (DATETIME, `timestamp`) is meant: it becomes an instant. The hour that a change of the clocks repeats is taken the first time, the one that it leaves out by the offset of before. What would leave the years 1 to 9999 stays what it shows."},
	{Name: "mask", Form: FormWord, Example: "hash", Words: maskWords, WordNeeds: map[string]string{"hash": "key"},
		Doc: "Hides the value: `hash` (the same value always gives the same text, a keyed SHA-256), `redact` (`***`), or `last4` (the last four characters). NULL stays NULL. A column of the key cannot be masked, since the id shows it."},
	{Name: "key", Form: FormText, With: "mask", WithWord: "hash", Example: `"${MASK_KEY}"`, Doc: "The secret key of `mask: hash`, of at least 16 characters. Name a variable, so that no file holds it."},
	{Name: "value", Form: FormText, Without: "expr", Pattern: templatePattern, Example: `"{db}"`, Doc: "A fixed text in place of a column, with `{db}`, `{table}` and key columns in braces."},
	{Name: "expr", Form: FormText, Example: "total - tax", Doc: "Computes the field from the table's columns. See [expressions](#expressions)."},
}

func keyNames(keys []Key) []string {
	names := make([]string, len(keys))
	for i, key := range keys {
		names[i] = key.Name
	}
	return names
}
