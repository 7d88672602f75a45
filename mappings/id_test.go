package mappings

import (
	"encoding/binary"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/meepo-replicate/meepo/source"
	"github.com/meepo-replicate/meepo/source/sourcetest"
	"github.com/meepo-replicate/meepo/targets"
)

// keyKinds are the kinds a key can have, each with a value made of any number and bytes.
var keyKinds = map[source.Kind]func(n uint64, b []byte) source.Value{
	source.KindInt:    func(n uint64, _ []byte) source.Value { return int64(n) },
	source.KindUint:   func(n uint64, _ []byte) source.Value { return n },
	source.KindText:   func(_ uint64, b []byte) source.Value { return strings.ToValidUTF8(string(b), "|") },
	source.KindBinary: func(_ uint64, b []byte) source.Value { return b },
	source.KindDecimal: func(n uint64, _ []byte) source.Value {
		return fmt.Sprintf("%d.%02d", int64(n)/100, n%100)
	},
	source.KindDate: func(n uint64, _ []byte) source.Value {
		return fmt.Sprintf("%04d-%02d-%02d", n%10000, n%13, n%32)
	},
	source.KindDateTime: func(n uint64, _ []byte) source.Value {
		return fmt.Sprintf("%04d-%02d-%02dT%02d:%02d:%02d.%06d", n%10000, n%13, n%32, n%24, n%60, n%60, n%1000000)
	},
	source.KindTimestamp: func(n uint64, _ []byte) source.Value {
		return fmt.Sprintf("%04d-%02d-%02dT%02d:%02d:%02dZ", n%10000, n%13, n%32, n%24, n%60, n%60)
	},
	source.KindTime: func(n uint64, _ []byte) source.Value {
		return fmt.Sprintf("-%02d:%02d:%02d.%03d", n%839, n%60, n%60, n%1000)
	},
	source.KindBool: func(n uint64, _ []byte) source.Value { return []string{"true", "false"}[n%2] },
	source.KindEnum: func(n uint64, _ []byte) source.Value { return []string{"", "a", "|"}[n%3] },
	source.KindUUID: func(n uint64, _ []byte) source.Value {
		return fmt.Sprintf("%08x-0000-4000-8000-%012x", uint32(n), n>>16)
	},
	source.KindInet: func(n uint64, _ []byte) source.Value { return fmt.Sprintf("10.0.%d.%d", n>>8&255, n&255) },
}

func keyPlan(tb testing.TB, kinds ...source.Kind) *Plan {
	tb.Helper()
	columns := make([]source.Column, len(kinds))
	for i, kind := range kinds {
		columns[i] = sourcetest.Of(fmt.Sprintf("k%d", i), kind)
	}
	return compile(tb, nil, sourcetest.Table("t.t", len(kinds), columns...))[0]
}

// checkInverse: the id of a key leads back to the key.
func checkInverse(t *testing.T, plan *Plan, values ...source.Value) targets.ID {
	t.Helper()
	key, err := source.NewKey(values...)
	if err != nil {
		t.Fatal(err)
	}
	ops, err := plan.Ops(nil, source.Row{Key: key}, 1)
	if err != nil {
		t.Fatal(err)
	}
	back, err := plan.KeyOf(ops[0].ID)
	if err != nil || back != key {
		t.Errorf("%v: id %q leads to %q, %v", values, ops[0].ID, back.Text(), err)
	}
	return ops[0].ID
}

func TestKeyOf_InverseForEachKeyKind(t *testing.T) {
	for kind := range kinds {
		if canBeKey(kind) != (keyKinds[kind] != nil) {
			t.Errorf("kind %d can be a key: %v", kind, canBeKey(kind))
		}
	}
	for kind, value := range keyKinds {
		plan := keyPlan(t, kind)
		for n := uint64(0); n < 3000; n++ {
			x := n * 0x9e3779b97f4a7c15
			checkInverse(t, plan, value(x, binary.BigEndian.AppendUint64(nil, x)[:n%9]))
		}
	}
}

// FuzzID: ids of keys of any kinds lead back to their key, ids of different keys differ, and an id that
// is taken for a key's is the one which that key gives.
func FuzzID(f *testing.F) {
	of := slices.Sorted(maps.Keys(keyKinds))
	plans := map[string]*Plan{}
	f.Fuzz(func(t *testing.T, first, second, third, count uint8, n, m uint64, a, b []byte, id string) {
		kinds := []source.Kind{of[int(first)%len(of)], of[int(second)%len(of)], of[int(third)%len(of)]}
		columns := kinds[:1+int(count%3)]
		if plans[fmt.Sprint(columns)] == nil {
			plans[fmt.Sprint(columns)] = keyPlan(t, columns...)
		}
		plan := plans[fmt.Sprint(columns)]
		var x, y []source.Value
		for i, kind := range columns {
			x, y = append(x, keyKinds[kind](n>>i, a)), append(y, keyKinds[kind](m>>i, b))
		}
		if (checkInverse(t, plan, x...) == checkInverse(t, plan, y...)) != cmp.Equal(x, y, cmpopts.EquateEmpty()) {
			t.Errorf("ids of %v and %v", x, y)
		}
		key, err := plan.KeyOf(targets.ID(id))
		if err != nil {
			return
		}
		ops, err := plan.Ops(nil, source.Row{Key: key}, 1)
		if err != nil {
			t.Fatal(err)
		}
		if back := ops[0].ID; string(back) != id {
			t.Errorf("id %q is taken for that of %s, which is %q, %v", id, key.Text(), back, err)
		}
	})
}

func TestKeyOf_RefusesWhatNoKeyGives(t *testing.T) {
	for _, test := range []struct {
		plan *Plan
		ids  []targets.ID
	}{
		{keyPlan(t, source.KindInt), []targets.ID{"", "a", "+1", "01", "-0", "1.0", "9223372036854775808", "1|2", " 1"}},
		{keyPlan(t, source.KindUint), []targets.ID{"-1", "00", "18446744073709551616", "1e3"}},
		{keyPlan(t, source.KindBinary), []targets.ID{"a", "0A", "zz", "0x00"}},
		{keyPlan(t, source.KindText), []targets.ID{"\xff"}},
		{keyPlan(t, source.KindUUID), []targets.ID{"", "6CCD780C-baba-1026-9564-5b8c656024db", "6ccd780cbaba102695645b8c656024db"}},
		{keyPlan(t, source.KindDecimal), []targets.ID{"", "1.", ".5", "1e5", "--1", "1.2.3"}},
		{keyPlan(t, source.KindDate), []targets.ID{"2024-1-1", "2024-01-01T00:00:00"}},
		{keyPlan(t, source.KindTimestamp), []targets.ID{"2024-01-01T00:00:00", "2024-01-01T00:00:00.Z"}},
		{keyPlan(t, source.KindInt, source.KindText), []targets.ID{"1", "1|a|b", `1|a\`, "a|1"}},
	} {
		for _, id := range test.ids {
			if key, err := test.plan.KeyOf(id); err == nil {
				t.Errorf("%v: id %q is taken for that of %s", test.plan.Destination().Key[0].Kind, id, key.Text())
			}
		}
	}
}

func TestKeyOf_RangeOfIntegers(t *testing.T) {
	for _, test := range []struct {
		kind     source.Kind
		bits     int
		in, over []targets.ID
	}{
		{source.KindInt, 8, []targets.ID{"-128", "127"}, []targets.ID{"-129", "128"}},
		{source.KindInt, 24, []targets.ID{"-8388608", "8388607"}, []targets.ID{"8388608"}},
		{source.KindInt, 64, []targets.ID{"-9223372036854775808", "9223372036854775807"}, nil},
		{source.KindUint, 16, []targets.ID{"0", "65535"}, []targets.ID{"65536"}},
		{source.KindUint, 64, []targets.ID{"18446744073709551615"}, nil},
	} {
		column := sourcetest.Of("id", test.kind)
		column.Type.Bits = test.bits
		plan := compile(t, nil, sourcetest.Table("t.t", 1, column))[0]
		for _, id := range test.in {
			if _, err := plan.KeyOf(id); err != nil {
				t.Error(err)
			}
		}
		for _, id := range test.over {
			if _, err := plan.KeyOf(id); err == nil {
				t.Errorf("%d bits hold %s", test.bits, id)
			}
		}
	}
}

// TestKinds_EachHasOne: source kinds are counted up to the first that the engine does not know.
func TestKinds_EachHasOne(t *testing.T) {
	if len(kinds) != int(source.KindVector)+1 {
		t.Errorf("%d kinds are translated, the source has %d", len(kinds), source.KindVector+1)
	}
	seen := map[targets.Kind]bool{}
	for kind := source.KindText; kind <= source.KindVector; kind++ {
		field, err := fieldOf(sourcetest.Of("c", kind), "f")
		if err != nil {
			t.Errorf("kind %d: %v", kind, err)
		}
		if seen[field.Kind] {
			t.Errorf("kind %d shares its field kind", kind)
		}
		seen[field.Kind] = true
	}
	if _, err := fieldOf(sourcetest.Of("c", source.KindVector+1), "f"); err == nil {
		t.Error("an unknown kind has a field kind")
	}
}
