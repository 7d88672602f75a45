package targettest_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/meepo-replicate/meepo/targets"
	"github.com/meepo-replicate/meepo/targets/targettest"
)

var (
	_ targettest.Target = (*targettest.Memory)(nil)
	_ targets.BulkMode  = (*targettest.Memory)(nil)
)

func TestMemory_Conformance(t *testing.T) {
	targettest.Run(t, targettest.Options{
		Open: func(t *testing.T) targettest.Target {
			memory := targettest.NewMemory(t)
			memory.AllowOldVersions = true
			return memory
		},
	})
}

// witness is a testing.TB that keeps what a Memory says of its caller.
type witness struct {
	testing.TB
	mu     sync.Mutex
	faults []string
}

func (w *witness) Errorf(format string, args ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.faults = append(w.faults, fmt.Sprintf(format, args...))
}

func (w *witness) expect(t *testing.T, want ...string) {
	t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	if !slices.Equal(w.faults, want) {
		t.Errorf("faults: %q, want %q", w.faults, want)
	}
}

func openMemory(t *testing.T) (*targettest.Memory, *targets.Destination, *witness) {
	t.Helper()
	w := &witness{TB: t}
	memory := targettest.NewMemory(w)
	dest := &targets.Destination{Name: "d", Fields: []targets.Field{{Name: "v", Kind: targets.KindText}}}
	if err := memory.Prepare(t.Context(), []*targets.Destination{dest}); err != nil {
		t.Fatal(err)
	}
	return memory, dest, w
}

func op(dest *targets.Destination, id targets.ID, version int64, value any) targets.Op {
	return targets.Op{Verb: targets.Upsert, Dest: dest, ID: id, Version: version, Doc: []any{value}}
}

func TestMemory_WatchesItsCaller(t *testing.T) {
	memory, dest, w := openMemory(t)
	entered, release := make(chan struct{}), make(chan struct{})
	hold := true
	memory.Before = func(ctx context.Context, _ []targets.Op) error {
		if !hold {
			return nil
		}
		hold = false
		close(entered)
		<-release
		return nil
	}
	var held sync.WaitGroup
	held.Go(func() { _ = memory.Write(t.Context(), []targets.Op{op(dest, "1", 1, "a")}) })
	<-entered
	if err := memory.Write(t.Context(), []targets.Op{op(dest, "2", 5, "b")}); err != nil {
		t.Fatal(err)
	}
	w.expect(t)
	_ = memory.Write(t.Context(), []targets.Op{op(dest, "1", 2, "b")})
	w.expect(t, `target: document "1" of d is under way twice`)
	close(release)
	held.Wait()
	_ = memory.Write(t.Context(), []targets.Op{op(dest, "2", 4, "b")})
	w.expect(t, `target: document "1" of d is under way twice`, `target: document "2" of d is sent with version 4 after version 5`)
}

func TestMemory_FailsBeforeAndAfter(t *testing.T) {
	memory, dest, w := openMemory(t)
	broken := errors.New("broken")
	var before, after error
	memory.Before = func(context.Context, []targets.Op) error { return before }
	memory.After = func(context.Context, []targets.Op) error { return after }

	before = broken
	if err := memory.Write(t.Context(), []targets.Op{op(dest, "1", 1, "a")}); !errors.Is(err, broken) || len(memory.IDs("d")) != 0 {
		t.Errorf("failed before: %v, ids %q", err, memory.IDs("d"))
	}
	before, after = nil, broken
	if err := memory.Write(t.Context(), []targets.Op{op(dest, "1", 2, "a")}); !errors.Is(err, broken) || len(memory.IDs("d")) != 1 {
		t.Errorf("failed after: %v, ids %q", err, memory.IDs("d"))
	}
	before, after = &targets.PartialError{Items: []targets.ItemError{{Index: 0, Class: targets.Retryable, Reason: "busy"}}}, nil
	err := memory.Write(t.Context(), []targets.Op{op(dest, "2", 1, "a"), op(dest, "3", 1, "a")})
	var partial *targets.PartialError
	if !errors.As(err, &partial) || len(partial.Items) != 1 || !slices.Equal(memory.IDs("d"), []targets.ID{"1", "3"}) {
		t.Errorf("failed in part: %v, ids %q", err, memory.IDs("d"))
	}
	w.expect(t)
}

func TestMemory_RejectAndLand(t *testing.T) {
	memory, dest, _ := openMemory(t)
	memory.Reject("d", "1", "no such luck")
	var partial *targets.PartialError
	if err := memory.Write(t.Context(), []targets.Op{op(dest, "1", 1, "a")}); !errors.As(err, &partial) ||
		partial.Items[0].Class != targets.Rejected || partial.Items[0].Reason != "no such luck" {
		t.Errorf("rejected: %v", err)
	}
	memory.Reject("d", "1", "")
	if items := memory.Land([]targets.Op{op(dest, "1", 9, "late")}); items != nil {
		t.Errorf("landed: %v", items)
	}
	fields, version, ok := memory.Doc("d", "1")
	if !ok || version != 9 || fields["v"] != "late" {
		t.Errorf("document: %v, version %d, %v", fields, version, ok)
	}
	memory.Drop("d")
	if err := memory.Write(t.Context(), []targets.Op{op(dest, "1", 10, "a")}); !errors.As(err, &partial) || partial.Items[0].Class != targets.Lost {
		t.Errorf("dropped: %v", err)
	}
}

func TestMemory_AwaitAndCursors(t *testing.T) {
	memory, dest, _ := openMemory(t)
	var writing sync.WaitGroup
	writing.Go(func() {
		for i := range 50 {
			_ = memory.Write(t.Context(), []targets.Op{op(dest, targets.ID(fmt.Sprint(i)), 1, "a")})
		}
	})
	memory.Await(t, 10*time.Second, "50 documents", func() bool { return len(memory.IDs("d")) == 50 })
	writing.Wait()
	_, cursor, err := memory.ScanIDs(t.Context(), "d", "", 10)
	if err != nil || cursor == "" {
		t.Fatalf("scan: cursor %q, %v", cursor, err)
	}
	memory.ExpireCursors()
	if _, _, err := memory.ScanIDs(t.Context(), "d", cursor, 10); !errors.Is(err, targets.ErrCursor) {
		t.Errorf("scan with an expired cursor: %v", err)
	}
	if counts := memory.Counts(); counts.Writes != 50 || counts.Stored != 50 || counts.Scans != 2 {
		t.Errorf("counts: %+v", counts)
	}
}
