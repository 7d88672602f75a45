package mysql

import "testing"

// TestTypeNamed_Unknown: a name that is no type is an error, and spaces do not matter.
func TestTypeNamed_Unknown(t *testing.T) {
	for _, name := range []string{"", "hyperloop(3)", "varchar2(5)", "(5)"} {
		if got, err := TypeNamed(name); err == nil {
			t.Errorf("%q is %+v", name, got)
		}
	}
	if got, err := TypeNamed(" VARCHAR (20) "); err != nil || got.Length != 20 || got.Native != "VARCHAR (20)" {
		t.Errorf("%+v, %v", got, err)
	}
}
