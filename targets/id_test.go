package targets

import (
	"slices"
	"testing"
)

func TestJoinID_Injective(t *testing.T) {
	seen := map[ID][]string{}
	for _, parts := range [][]string{
		{"1", "23"}, {"12", "3"}, {"a|b", "c"}, {"a", "b|c"}, {`a\`, "b"}, {`a\|b`, ""}, {"", ""}, {`\`, `|`},
	} {
		id := JoinID(parts...)
		if other, ok := seen[id]; ok {
			t.Errorf("%q and %q have the same id %q", parts, other, id)
		}
		seen[id] = parts
		if got, ok := SplitID(id, len(parts)); !ok || !slices.Equal(got, parts) {
			t.Errorf("SplitID(%q) = %q, %v, want %q", id, got, ok, parts)
		}
	}
}

func TestSplitID_RefusesWhatJoinCannotMake(t *testing.T) {
	for _, id := range []ID{"a", "a|b|c", `a\x|b`, `a|b\`} {
		if got, ok := SplitID(id, 2); ok {
			t.Errorf("SplitID(%q) = %q", id, got)
		}
	}
}

// FuzzJoinID: parts lead to an id and back, other parts to another id, and a text that is taken apart is
// the id of its parts.
func FuzzJoinID(f *testing.F) {
	f.Fuzz(func(t *testing.T, a, b, c string, count uint8, text string) {
		n := 1 + int(count%3)
		parts, others := []string{a, b, c}[:n], []string{c, a + b, text}[:n]
		id := JoinID(parts...)
		if got, ok := SplitID(id, n); !ok || !slices.Equal(got, parts) {
			t.Errorf("%q became %q, and that %q, %v", parts, id, got, ok)
		}
		if (id == JoinID(others...)) != slices.Equal(parts, others) {
			t.Errorf("%q and %q have the id %q", parts, others, id)
		}
		if taken, ok := SplitID(ID(text), n); ok && (len(taken) != n || JoinID(taken...) != ID(text)) {
			t.Errorf("%q is taken for the id of %q, which is %q", text, taken, JoinID(taken...))
		}
	})
}
