package postgres_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/meepo-replicate/meepo/internal/servertest"
	"github.com/meepo-replicate/meepo/targets"
	"github.com/meepo-replicate/meepo/targets/targettest"
)

// raising makes a table whose trigger raises at the row 5, with what the SQL of using says.
func raising(t *testing.T, d *servertest.Database, table, using string) *targets.Destination {
	t.Helper()
	d.Exec(t, fmt.Sprintf("CREATE TABLE %[1]s (id bigint PRIMARY KEY, v text);"+
		" CREATE FUNCTION %[1]s() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF new.id = 5 THEN RAISE %[2]s; END IF; RETURN new; END $$;"+
		" CREATE TRIGGER t BEFORE INSERT OR UPDATE ON %[1]s FOR EACH ROW EXECUTE FUNCTION %[1]s()", table, using))
	return &targets.Destination{Name: "public." + table, Key: intKey, Fields: []targets.Field{{Name: "v", Kind: targets.KindText, Native: "text"}}}
}

// TestWrite_Codes: what a code says of the rows. Of a code that says nothing of the server's state one row is in doubt, and the
// nine others are written.
func TestWrite_Codes(t *testing.T) {
	d := servertest.OpenSQL(t, servertest.Postgres)
	target := openTarget(t, d)
	for code, want := range map[string]targets.Class{
		"MY001": targets.Doubtful, "P0002": targets.Doubtful, "P0003": targets.Doubtful, "P0004": targets.Doubtful, "38000": targets.Doubtful,
		"39004": targets.Doubtful, "27000": targets.Doubtful, "XX000": targets.Doubtful, "2F005": targets.Doubtful,
		"P0001": targets.Rejected, "22023": targets.Rejected, "23514": targets.Rejected, "54001": targets.Rejected, "0A000": targets.Rejected,
		"23505": targets.Doubtful, "23503": targets.Doubtful,
		"08006": targets.Retryable, "25006": targets.Retryable, "40001": targets.Retryable, "53100": targets.Retryable, "55P03": targets.Retryable,
		"57014": targets.Retryable, "58030": targets.Retryable, "26000": targets.Retryable, "72000": targets.Retryable, "F0000": targets.Retryable,
	} {
		t.Run(code, func(t *testing.T) {
			dest := raising(t, d, "code_"+strings.ToLower(code), "EXCEPTION USING ERRCODE = '"+code+"', MESSAGE = 'no'")
			prepare(t, target, dest)
			var ops []targets.Op
			var failed []string
			for i := range 10 {
				ops = append(ops, upsert(dest, targets.ID(fmt.Sprint(i)), "v"))
				if want == targets.Retryable || i == 5 {
					failed = append(failed, fmt.Sprintf("%d %d ", i, want))
				}
			}
			targettest.ExpectFailures(t, target, ops, failed...)
			if n, want := d.QueryInt(t, "SELECT count(*) FROM code_"+code), 10-len(failed); n != int64(want) {
				t.Errorf("%d rows, want %d", n, want)
			}
		})
	}
}

// TestWrite_ReasonWithoutValues: texts that a user's trigger makes may hold values. They are not passed on, whatever the code; the
// names that the error carries are.
func TestWrite_ReasonWithoutValues(t *testing.T) {
	d := servertest.OpenSQL(t, servertest.Postgres)
	target := openTarget(t, d)
	for name, c := range map[string]struct{ using, want string }{
		"the default code": {"EXCEPTION 'price of % is 42', new.v", "1 3 a trigger or a function raised an error (SQLSTATE P0001)"},
		"one of their own": {"EXCEPTION USING ERRCODE = 'MY001', MESSAGE = 'price of ' || new.v, CONSTRAINT = 'c', COLUMN = 'price', TABLE = 'prices'",
			"1 2 a trigger or a function raised an error, constraint c, column price, table prices (SQLSTATE MY001)"},
		"one of the server's": {"EXCEPTION USING ERRCODE = 'check_violation', MESSAGE = 'price of ' || new.v, CONSTRAINT = 'c'",
			"1 3 a trigger or a function raised an error, constraint c (SQLSTATE 23514)"},
		"another language's": {"EXCEPTION USING ERRCODE = '38000', MESSAGE = 'price of ' || new.v", "1 2 a trigger or a function raised an error (SQLSTATE 38000)"},
	} {
		t.Run(name, func(t *testing.T) {
			dest := raising(t, d, "reason_"+strings.NewReplacer(" ", "_", "'", "").Replace(name), c.using)
			prepare(t, target, dest)
			got := targettest.ExpectFailures(t, target, []targets.Op{upsert(dest, "4", "Ann"), upsert(dest, "5", "Bob")}, c.want)
			if len(got) == 1 && strings.Contains(got[0], "Bob") {
				t.Errorf("the reason has a value: %s", got[0])
			}
		})
	}
	dest := raising(t, d, "denying", "EXCEPTION USING ERRCODE = '42501', MESSAGE = 'price of ' || new.v")
	prepare(t, target, dest)
	if err := target.Write(t.Context(), []targets.Op{upsert(dest, "5", "Bob")}); !errors.Is(err, targets.ErrDenied) || strings.Contains(err.Error(), "Bob") {
		t.Errorf("denied by a trigger: %v", err)
	}
}
