package replicate_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/meepo-replicate/meepo/replicate"
	"github.com/meepo-replicate/meepo/source"
	"github.com/meepo-replicate/meepo/source/sourcetest"
	"github.com/meepo-replicate/meepo/targets"
)

// published is a source whose log holds the tables that it was told of.
type published struct {
	*sourcetest.Memory
	mu     sync.Mutex
	told   []source.Table
	calls  []string      // "head", or the tables that were added
	denied string        // a table that may not be added
	old    chan struct{} // closed when the transactions have ended that began before the table items was added; nil: there are none
}

// Await waits for them.
func (p *published) Await(ctx context.Context, t source.Table) error {
	p.note("await " + t.Name)
	if p.old == nil || t.Name != "items" {
		return nil
	}
	select {
	case <-p.old:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (p *published) Head(ctx context.Context) (source.Position, source.Fence, error) {
	p.note("head")
	return p.Memory.Head(ctx)
}

func (p *published) note(call string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.calls = append(p.calls, call)
}

func (p *published) Enlist(_ context.Context, tables []source.Table) ([]source.Table, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	var added []source.Table
	for _, t := range tables {
		if t.Name == p.denied {
			return nil, &source.HintError{Err: fmt.Errorf("%w: must be owner of table", source.ErrDenied), Advice: "let the owner add it"}
		}
		if !slices.Contains(p.told, t) {
			added = append(added, t)
			p.calls = append(p.calls, t.Name)
		}
	}
	p.told = append(p.told, added...)
	return added, nil
}

// Columns has another incarnation for a table that is in the log.
func (p *published) Columns(ctx context.Context, fence source.Fence, t source.Table) (source.Columns, error) {
	c, err := p.Memory.Columns(ctx, fence, t)
	p.mu.Lock()
	defer p.mu.Unlock()
	if slices.Contains(p.told, t) {
		c.Incarnation = "published"
	}
	return c, err
}

func (p *published) called() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return strings.Join(p.calls, " ")
}

// TestEnlist: the source is told of the tables before the position is chosen, and of those that appear; what it says
// of them afterwards is what counts.
func TestEnlist(t *testing.T) {
	b := newBench(t, table("orders"), table("users"))
	b.fill("orders", 0, 5)
	p := &published{Memory: b.source}
	b.tweak = func(o *replicate.Options) { o.Source = p }
	r := b.start()
	r.settle()
	if got := p.called(); !strings.HasPrefix(got, "orders users head") {
		t.Errorf("called: %s", got)
	}
	b.do(func(tx *sourcetest.Tx) { tx.Create(table("items")) })
	b.puts("items", 1, 2)
	r.settle()
	b.equal("orders")
	b.equal("items")
	if got := p.called(); !strings.Contains(got, "items") {
		t.Errorf("called: %s", got)
	}
	p.mu.Lock()
	p.denied = "secrets"
	p.mu.Unlock()
	b.do(func(tx *sourcetest.Tx) { tx.Create(table("secrets")) })
	b.puts("orders", 7)
	r.settle()
	b.equal("orders")
	if text := b.log.String(); !strings.Contains(text, "may not be read, it is left out") || !strings.Contains(text, "let the owner add it") {
		t.Errorf("the log says nothing of the table that may not be followed:\n%s", text)
	}
	if err := r.end(); err != nil {
		t.Fatal(err)
	}
	r = b.start() // the table that may not be followed keeps nobody from starting again
	b.puts("orders", 8)
	r.settle()
	b.equal("orders")
	if err := r.end(); err != nil {
		t.Fatal(err)
	}
	copied := len(b.source.Scans())
	p.mu.Lock()
	p.denied = ""
	p.mu.Unlock()
	r = b.start() // nothing is copied again, but what was left out
	r.settle()
	b.equal("secrets")
	for _, scan := range b.source.Scans()[copied:] {
		if scan.Table.Name != "secrets" {
			t.Errorf("%s was copied again", scan.Table)
		}
	}
}

// TestEnlist_Denied: at a fresh start it is for whoever starts the run to mend.
func TestEnlist_Denied(t *testing.T) {
	b := newBench(t, table("orders"))
	p := &published{Memory: b.source, denied: "orders"}
	b.tweak = func(o *replicate.Options) { o.Source = p }
	r := b.start()
	if err := r.finished(); err == nil || !strings.Contains(err.Error(), "must be owner") {
		t.Errorf("error %v", err)
	}
	if got := p.called(); got != "" {
		t.Errorf("called: %s", got)
	}
}

// TestEnlist_OldTransactions: the copy of a new table waits for transactions that the log may not have, over a restart,
// too, and the log does not.
func TestEnlist_OldTransactions(t *testing.T) {
	b := newBench(t, table("orders"))
	b.fill("orders", 0, 5)
	p := &published{Memory: b.source, old: make(chan struct{})}
	b.tweak = func(o *replicate.Options) { o.Source = p }
	r := b.start()
	r.settle()
	b.do(func(tx *sourcetest.Tx) { tx.Create(table("items")) })
	b.puts("items", 1, 2)
	for i, stop := range []func(){r.crash, func() {
		if err := r.end(); err != nil {
			t.Error(err)
		}
	}} {
		b.await("the wait", func() bool { return strings.Count(p.called(), "await items") == i+1 })
		b.puts("orders", 7+i)
		b.await("what the log tells meanwhile", func() bool {
			_, _, there := b.target.Doc("shop.orders", targets.ID(fmt.Sprint(7+i)))
			snap, _ := b.state()
			return there && len(snap.Jobs) > 0
		})
		stop()
		r = b.start()
	}
	for _, scan := range b.source.Scans() {
		if scan.Table.Name == "items" {
			t.Error("the copy did not wait")
		}
	}
	close(p.old)
	r.settle()
	b.equal("items")
	b.equal("orders")
}
