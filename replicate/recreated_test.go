package replicate_test

import (
	"testing"

	"github.com/meepo-replicate/meepo/source/sourcetest"
)

// TestRun_RecreatedWhileDown drops and creates a table while nothing runs, in such a way that the
// saved position lies between the two: the new rows are copied, and documents of the old ones go.
func TestRun_RecreatedWhileDown(t *testing.T) {
	b := newBench(t, table("orders"))
	b.fill("orders", 0, 20)
	r := b.start()
	r.settle()
	b.do(func(tx *sourcetest.Tx) { tx.Drop(tableName("orders")) })
	r.settle()
	if err := r.end(); err != nil {
		t.Fatal(err)
	}
	b.do(func(tx *sourcetest.Tx) { tx.Create(table("orders")) })
	b.fill("orders", 15, 25)
	r = b.start()
	r.settle()
	if err := r.end(); err != nil {
		t.Fatal(err)
	}
	b.equal("orders")
}
