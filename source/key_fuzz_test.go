package source

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// keyOfShape picks values: each digit of the shape, to the base of five, takes one.
func keyOfShape(shape uint16, n int64, u uint64, text string, raw []byte) []Value {
	var values []Value
	for ; shape > 0; shape /= 5 {
		switch shape % 5 {
		case 1:
			values = append(values, n)
		case 2:
			values = append(values, u)
		case 3:
			values = append(values, text)
		case 4:
			values = append(values, raw)
		}
	}
	return values
}

// FuzzKey: a key leads back to its values and their texts, keys of other values differ, and bytes
// that are taken for a key are those that its values give.
func FuzzKey(f *testing.F) {
	f.Fuzz(func(t *testing.T, shape, otherShape uint16, n int64, u uint64, text string, raw []byte, bytes string) {
		values, others := keyOfShape(shape, n, u, text, raw), keyOfShape(otherShape, int64(u), uint64(n), string(raw), []byte(text))
		key, err := NewKey(values...)
		if err != nil {
			t.Fatal(err)
		}
		other, err := NewKey(others...)
		if err != nil {
			t.Fatal(err)
		}
		if back, err := key.Values(); err != nil || !cmp.Equal(back, values) {
			t.Errorf("%v became %q, and that %v, %v", values, key, back, err)
		}
		if texts, err := key.AppendTexts(nil); err != nil || len(texts) != len(values) {
			t.Errorf("%v has the texts %q, %v", values, texts, err)
		}
		if cmp.Equal(values, others) != (key == other) {
			t.Errorf("%v is %q, and %v is %q", values, key, others, other)
		}
		taken, err := Key(bytes).Values()
		_ = Key(bytes).Text()
		if err != nil {
			return
		}
		if same, err := NewKey(taken...); err != nil || same != Key(bytes) {
			t.Errorf("%q is taken for %v, whose key is %q, %v", bytes, taken, same, err)
		}
		if texts, err := Key(bytes).AppendTexts(nil); err != nil || len(texts) != len(taken) {
			t.Errorf("%q has the values %v and the texts %q, %v", bytes, taken, texts, err)
		}
	})
}
