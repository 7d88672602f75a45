package source

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestKey_RoundTrip(t *testing.T) {
	for _, want := range [][]Value{
		{int64(-42)}, {uint64(18446744073709551615)}, {"a,b|c\x00"}, {[]byte{0, 1, 0}}, {""},
		{int64(1), "a", []byte("b")}, {"1.10"}, {"s1", "i5"},
	} {
		key, err := NewKey(want...)
		if err != nil {
			t.Fatal(err)
		}
		got, err := key.Values()
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("key %q: %s", key, diff)
		}
	}
}

func TestKey_DifferentValuesDifferentKeys(t *testing.T) {
	seen := map[Key][]Value{}
	for _, values := range [][]Value{
		{int64(1)}, {uint64(1)}, {"1"}, {[]byte("1")}, {"1", "1"}, {"11"}, {"1", ""}, {"", "1"},
		{"a"}, {"A"}, {"a "}, {"ä"}, {int64(1), int64(23)}, {int64(12), int64(3)},
	} {
		key, err := NewKey(values...)
		if err != nil {
			t.Fatal(err)
		}
		if other, ok := seen[key]; ok {
			t.Errorf("%v and %v have the same key", values, other)
		}
		seen[key] = values
	}
}

func TestKey_AppendTexts(t *testing.T) {
	long := strings.Repeat("x", 300)
	key, err := NewKey(int64(-5), uint64(7), "a|b", []byte{0, 0xAB}, "", long)
	if err != nil {
		t.Fatal(err)
	}
	got, err := key.AppendTexts([]string{"before"})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"before", "-5", "7", "a|b", "00ab", "", long}, got); diff != "" {
		t.Error(diff)
	}
	for _, k := range []Key{"i", "x\x011", "s\x05a", "s\xff"} {
		if texts, err := k.AppendTexts(nil); err == nil {
			t.Errorf("%q has the texts %q", string(k), texts)
		}
	}
}

func TestKey_Refuses(t *testing.T) {
	for _, v := range []Value{nil, 1.5, true} {
		if _, err := NewKey(v); err == nil {
			t.Errorf("%v became a key", v)
		}
	}
	for _, k := range []Key{"i", "x\x011", "s\x05a", "i\x01a"} {
		if v, err := k.Values(); err == nil {
			t.Errorf("%q decoded to %v", string(k), v)
		}
	}
}

func TestPattern_Match(t *testing.T) {
	p, err := ParsePattern("tenant_*.orders", "")
	if err != nil {
		t.Fatal(err)
	}
	if !p.Match(Table{"tenant_7", "orders"}) || p.Match(Table{"tenant_7", "order"}) {
		t.Errorf("%v matches wrongly", p)
	}
	if _, literal := p.Literal(); literal {
		t.Errorf("%v is taken for a literal", p)
	}
	for _, bad := range []string{"", "orders", ".x", "a.", "a.[x"} {
		if p, err := ParsePattern(bad, ""); err == nil {
			t.Errorf("%q parsed to %v", bad, p)
		}
	}
}
