package demo

// table is one table of the shop.
type table struct {
	name    string
	key     int      // the first so many columns are the primary key
	columns []Column // in the order in which a row of the generator has them
}

// Column is one column of a table.
type Column struct {
	Name string
	Kind Kind
}

// Kind says what a column's values are, whatever server they stand on and however it spells them.
type Kind int

// The kinds of values.
const (
	Text     Kind = iota
	Number        // of all sizes, exact or not
	Bool          // true or false
	Moment        // a date, or a date with a time
	Duration      // a time of day, or a time that passes
	Set           // several words
	JSON          // anything in JSON
	Bytes         // bytes that mean nothing here
	UUID          // sixteen bytes that do
	Bits          // a few bits, which are shown as a number
	Point         // a place on a map, longitude first
)

// tables in the order in which they are made: referenced tables come first.
var tables = []*table{stores, customers, products, orders, orderItems, reviews}

// Tables returns the names of the shop's tables, in the order in which they can be filled.
func Tables() []string {
	names := make([]string, len(tables))
	for i, t := range tables {
		names[i] = t.name
	}
	return names
}

// Columns returns a table's columns, and how many of them, from the first on, are its primary key. No columns: there is
// no such table.
func Columns(name string) (columns []Column, key int) {
	for _, t := range tables {
		if t.name == name {
			return t.columns, t.key
		}
	}
	return nil, 0
}

var stores = &table{"stores", 1, []Column{
	{"code", Text},
	{"name", Text},
	{"city", Text},
	{"location", Point},
	{"opened", Moment},
	{"opens_at", Duration},
	{"closes_at", Duration},
	{"services", Set},
	{"floor_area", Number},
}}

var customers = &table{"customers", 1, []Column{
	{"id", Number},
	{"uuid", UUID},
	{"email", Text},
	{"name", Text},
	{"city", Text},
	{"birthday", Moment},
	{"interests", Set},
	{"preferences", JSON},
	{"points", Number},
	{"newsletter", Bool},
	{"created_at", Moment},
	{"last_seen", Moment},
}}

var products = &table{"products", 1, []Column{
	{"id", Number},
	{"sku", Text},
	{"barcode", Number},
	{"name", Text},
	{"description", Text},
	{"category", Text},
	{"price", Number},
	{"weight_kg", Number},
	{"stock", Number},
	{"released", Number},
	{"labels", Bits},
	{"details", JSON},
	{"thumbnail", Bytes},
	{"active", Bool},
	{"updated_at", Moment},
}}

var orders = &table{"orders", 1, []Column{
	{"id", Number},
	{"customer_id", Number},
	{"store", Text},
	{"status", Text},
	{"total", Number},
	{"currency", Text},
	{"placed_at", Moment},
	{"paid_at", Moment},
	{"shipped_at", Moment},
	{"time_to_ship", Duration},
	{"gift", Bool},
	{"note", Text},
}}

var orderItems = &table{"order_items", 2, []Column{
	{"order_id", Number},
	{"line", Number},
	{"product_id", Number},
	{"quantity", Number},
	{"unit_price", Number},
	{"discount", Number},
}}

var reviews = &table{"reviews", 1, []Column{
	{"id", Number},
	{"product_id", Number},
	{"customer_id", Number},
	{"stars", Number},
	{"title", Text},
	{"body", Text},
	{"helpful", Number},
	{"written_at", Moment},
}}
