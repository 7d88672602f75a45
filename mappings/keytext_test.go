package mappings

import (
	"testing"

	"github.com/meepo-replicate/meepo/source"
	"github.com/meepo-replicate/meepo/source/sourcetest"
)

// TestParseKey: a key is read as it is shown, and what is none says of which columns it would be.
func TestParseKey(t *testing.T) {
	plan := func(keys int, columns ...source.Column) *Plan {
		return compile(t, nil, sourcetest.Table("shop.orders", keys, columns...))[0]
	}
	one, text := plan(1, sourcetest.Int("id")), plan(1, sourcetest.Text("sku"))
	two := plan(2, sourcetest.Text("region"), sourcetest.Int("id"))
	for _, c := range []struct {
		plan *Plan
		text string
		want string // as Key.Text shows it, or an error
	}{
		{one, "17", "17"}, {one, "-3", "-3"}, {one, "017", "key 017 of shop.orders: key column id: not as this column's values are written; the key is id bigint"},
		{text, "a,b", "a,b"}, {text, "", ""}, {two, "eu,17", "eu,17"}, {two, `["a,b",17]`, "a,b,17"},
		{two, "eu", "key eu has 1 values, the key of shop.orders has 2: region varchar(255), id bigint"},
		{two, `["eu",`, `key ["eu",: not a JSON array of values`}, {two, `["eu",{}]`, `key ["eu",{}]: value 2 is neither a text nor a number`},
	} {
		key, err := c.plan.ParseKey(c.text)
		got := key.Text()
		if err != nil {
			got = err.Error()
		}
		if got != c.want {
			t.Errorf("%q: %s, want %s", c.text, got, c.want)
		}
	}
}
