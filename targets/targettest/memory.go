package targettest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/meepo-replicate/meepo/targets"
)

// DocKey names one document of one destination.
type DocKey struct {
	Dest string
	ID   targets.ID
}

// Memory is a target in the process. Its exported fields are set before the first call and not
// changed after it; a hook that is to act only sometimes decides so itself. All methods may be
// called concurrently.
type Memory struct {
	// Before is called at the start of each Write, before anything is stored, and may wait. An
	// error of it is the result of Write and nothing is stored; a *targets.PartialError keeps just
	// the ops that it names from being stored.
	Before func(ctx context.Context, ops []targets.Op) error
	// After is called at the end of each Write, when everything is stored, and may wait. Its error
	// becomes the result of Write: the caller cannot know that the ops were done.
	After func(ctx context.Context, ops []targets.Op) error
	// BeforeScan is called at the start of each ScanIDs; its error is the result.
	BeforeScan func(ctx context.Context, dest string, after targets.Cursor) error
	// BeforePrepare is called at the start of each Prepare; its error is the result.
	BeforePrepare func(ctx context.Context, dests []*targets.Destination) error
	// BeforeCompare is called at the start of each Compare; its error is the result.
	BeforeCompare func(ctx context.Context, ops []targets.Op) error
	// AllowOldVersions switches off the check that no document is sent with a version lower than
	// one that was sent before.
	AllowOldVersions bool

	t testing.TB // nil: nobody watches

	mu       sync.Mutex
	dests    map[string]*memoryDest
	rejected map[DocKey]string
	underway map[DocKey]bool
	sent     map[DocKey]int64 // the highest version that Write was asked to store
	bulk     []string
	counts   Counts
	epoch    int // of cursors
	made     int // destinations
	marks    map[string]targets.Mark
	changed  chan struct{} // closed and replaced when something was stored
	closed   bool
}

// Counts says how often a Memory was called.
type Counts struct {
	Writes int // calls of Write
	Ops    int // ops in them
	Stored int // ops that changed a document
	Scans  int // calls of ScanIDs
	Reads  int // ids given to ReadDocs

	Compared int // ops given to Compare
}

type memoryDest struct {
	number int
	fields []targets.Field
	docs   map[targets.ID]memoryDoc
}

type memoryDoc struct {
	found   bool // false: the version of a deletion
	version int64
	fields  map[string]any
}

// NewMemory returns an empty target. With t it watches its caller, see the package's comment.
func NewMemory(t testing.TB) *Memory {
	return &Memory{
		t:        t,
		dests:    map[string]*memoryDest{},
		rejected: map[DocKey]string{},
		underway: map[DocKey]bool{},
		sent:     map[DocKey]int64{},
		marks:    map[string]targets.Mark{},
		changed:  make(chan struct{}),
	}
}

// Prepare makes destinations known; only such can be written to.
func (m *Memory) Prepare(ctx context.Context, dests []*targets.Destination) error {
	if m.BeforePrepare != nil {
		if err := m.BeforePrepare(ctx, dests); err != nil {
			return err
		}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	var wrong []error
	for _, dest := range dests {
		if err := targets.CheckPaths(dest.Fields); err != nil {
			wrong = append(wrong, fmt.Errorf("prepare %s: %w", dest.Name, err))
		}
		wrong = append(wrong, m.dests[dest.Name].compare(dest)...)
	}
	if len(wrong) > 0 {
		return errors.Join(wrong...)
	}
	for _, dest := range dests {
		have := m.dests[dest.Name]
		if have == nil {
			m.made++
			have = &memoryDest{number: m.made, docs: map[targets.ID]memoryDoc{}}
			m.dests[dest.Name] = have
		}
		for _, field := range dest.Fields {
			if have.field(field.Name) == nil {
				have.fields = append(have.fields, field)
			}
		}
	}
	return nil
}

func (d *memoryDest) field(name string) *targets.Field {
	if d == nil {
		return nil
	}
	at := slices.IndexFunc(d.fields, func(f targets.Field) bool { return f.Name == name })
	if at < 0 {
		return nil
	}
	return &d.fields[at]
}

// compare returns an ErrMismatch for each field that is there with another kind.
func (d *memoryDest) compare(dest *targets.Destination) []error {
	var wrong []error
	for _, field := range dest.Fields {
		if have := d.field(field.Name); have != nil && have.Kind != field.Kind {
			wrong = append(wrong, fmt.Errorf("prepare %s: field %s: kind %d wanted, %d found: %w",
				dest.Name, field.Name, field.Kind, have.Kind, targets.ErrMismatch))
		}
	}
	return wrong
}

// ScanIDs lists ids in their byte order.
func (m *Memory) ScanIDs(ctx context.Context, dest string, after targets.Cursor, limit int) ([]targets.ID, targets.Cursor, error) {
	if m.BeforeScan != nil {
		if err := m.BeforeScan(ctx, dest, after); err != nil {
			return nil, "", err
		}
	}
	if err := ctx.Err(); err != nil {
		return nil, "", err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.counts.Scans++
	store := m.dests[dest]
	if store == nil {
		return nil, "", fmt.Errorf("scan %s: %w", dest, targets.ErrReplaced)
	}
	ids := store.ids()
	if after != "" {
		epoch, last, ok := strings.Cut(string(after), ":")
		if n, err := strconv.Atoi(epoch); err != nil || !ok || n != m.epoch {
			return nil, "", fmt.Errorf("scan %s: %w", dest, targets.ErrCursor)
		}
		at, found := slices.BinarySearch(ids, targets.ID(last))
		if found {
			at++
		}
		ids = ids[at:]
	}
	if len(ids) <= limit {
		return ids, "", nil
	}
	ids = ids[:limit:limit]
	return ids, targets.Cursor(fmt.Sprintf("%d:%s", m.epoch, ids[limit-1])), nil
}

// ReadDocs returns documents as the suite's [Show] renders them.
func (m *Memory) ReadDocs(ctx context.Context, dest string, ids []targets.ID) ([]targets.Doc, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.counts.Reads += len(ids)
	store := m.dests[dest]
	if store == nil {
		return nil, fmt.Errorf("read %s: no such destination", dest)
	}
	docs := make([]targets.Doc, len(ids))
	for i, id := range ids {
		docs[i] = targets.Doc{ID: id}
		doc := store.docs[id]
		if !doc.found {
			continue
		}
		body, err := store.body(doc)
		if err != nil {
			return nil, fmt.Errorf("read %s: document %q: %w", dest, id, err)
		}
		docs[i] = targets.Doc{ID: id, Found: true, Version: doc.version, Body: body}
	}
	return docs, nil
}

// Empty reports whether the destination holds no document.
func (m *Memory) Empty(_ context.Context, dest string) (bool, error) {
	return len(m.IDs(dest)) == 0, nil
}

// BeginBulk records the call.
func (m *Memory) BeginBulk(ctx context.Context, dest string) error {
	return m.recordBulk(ctx, "begin "+dest)
}

// EndBulk records the call.
func (m *Memory) EndBulk(ctx context.Context, dest string) error {
	return m.recordBulk(ctx, "end "+dest)
}

func (m *Memory) recordBulk(ctx context.Context, call string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.bulk = append(m.bulk, call)
	return nil
}

// Close ends the target: a Write after it fails.
func (m *Memory) Close(context.Context) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.closed = true
	return nil
}

// Doc returns a document's fields as they were written, and its version. A deleted document is not
// ok but has the version of its deletion.
func (m *Memory) Doc(dest string, id targets.ID) (fields map[string]any, version int64, ok bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	store := m.dests[dest]
	if store == nil {
		return nil, 0, false
	}
	doc := store.docs[id]
	return maps.Clone(doc.fields), doc.version, doc.found
}

// IDs returns the ids of a destination's documents in byte order.
func (m *Memory) IDs(dest string) []targets.ID {
	m.mu.Lock()
	defer m.mu.Unlock()
	if store := m.dests[dest]; store != nil {
		return store.ids()
	}
	return nil
}

// Reject makes the target refuse a document with a reason; an empty reason takes it again.
func (m *Memory) Reject(dest string, id targets.ID, reason string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if reason == "" {
		delete(m.rejected, DocKey{dest, id})
		return
	}
	m.rejected[DocKey{dest, id}] = reason
}

// Drop removes a destination with all it holds, as somebody with a console would.
func (m *Memory) Drop(dest string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.dests, dest)
}

// ExpireCursors makes every cursor given out so far invalid.
func (m *Memory) ExpireCursors() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.epoch++
}

// BulkCalls returns "begin NAME" and "end NAME" in the order of the calls.
func (m *Memory) BulkCalls() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.bulk)
}

// Counts returns how often the target was called so far.
func (m *Memory) Counts() Counts {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.counts
}

// Await waits until check returns true, asking again after every Write that stored something, and
// fails the test if it does not within the timeout. check may call the Memory's methods.
func (m *Memory) Await(t testing.TB, timeout time.Duration, what string, check func() bool) {
	t.Helper()
	deadline := time.NewTimer(timeout)
	defer deadline.Stop()
	for {
		m.mu.Lock()
		changed := m.changed
		m.mu.Unlock()
		if check() {
			return
		}
		select {
		case <-changed:
		case <-deadline.C:
			t.Fatalf("%s: not within %v", what, timeout)
		}
	}
}

func (d *memoryDest) ids() []targets.ID {
	ids := make([]targets.ID, 0, len(d.docs))
	for id, doc := range d.docs {
		if doc.found {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids
}

var errClosed = errors.New("target is closed")
