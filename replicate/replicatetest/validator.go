package replicatetest

import (
	"fmt"
	"sync"

	"github.com/meepo-replicate/meepo/mappings"
	"github.com/meepo-replicate/meepo/replicate"
	"github.com/meepo-replicate/meepo/replicate/state"
	"github.com/meepo-replicate/meepo/source"
	"github.com/meepo-replicate/meepo/targets"
)

// Validator watches one run. Make it with [NewValidator].
type Validator struct {
	violated func(string)

	mu       sync.Mutex
	received int                          // batches so far
	batches  []*batch                     // those that no saved position is past, in order
	covers   map[source.Fence]int         // the newest batch that a fence covers
	owed     map[mappings.DocKey][]*batch // who made a document dirty since its last settled read
	flights  map[mappings.DocKey]*flight  // what is in flight
	writing  map[document]bool            // what is being written
	versions map[document]int64           // the last one sent
	saved    source.Position
}

// batch is a batch of the log.
type batch struct {
	number   int // from 1
	position source.Position
	owed     int // documents that it made dirty and that are not settled
}

// flight is a document's way from the fence of its read until it is settled.
type flight struct {
	covers int  // the newest batch that the read has seen
	again  bool // the target refused the write, so it is to be read once more
}

// document is a place in the target.
type document struct {
	dest string
	id   targets.ID
}

// NewValidator makes a validator that calls violated with a sentence for each promise that was
// broken. violated is called from many goroutines, and must not call the run.
func NewValidator(violated func(string)) *Validator {
	return &Validator{
		violated: violated,
		covers:   map[source.Fence]int{}, owed: map[mappings.DocKey][]*batch{}, flights: map[mappings.DocKey]*flight{},
		writing: map[document]bool{}, versions: map[document]int64{},
	}
}

// Observer is how the validator is told. It is for one run.
func (v *Validator) Observer() *replicate.Observer {
	return &replicate.Observer{
		BatchReceivedFunc: v.batchReceived,
		DirtyFunc:         v.dirty,
		TakenFunc:         v.taken,
		SettledFunc:       v.settled,
		ConflictFunc:      v.conflict,
		WritingFunc:       v.writingOps,
		OpsWrittenFunc:    v.opsWritten,
		SavingFunc:        v.savingState,
		StateSavedFunc:    v.stateSaved,
		AckedFunc:         v.acked,
	}
}

func (v *Validator) wrong(format string, args ...any) { v.violated(fmt.Sprintf(format, args...)) }

// maxFences bounds what is remembered of fences. A read may have captured one long ago, but not so long.
const maxFences = 1 << 17

func (v *Validator) batchReceived(b source.Batch) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if len(b.Events) == 0 && b.Position == "" {
		return
	}
	v.received++
	v.covers[b.Fence] = v.received
	v.batches = append(v.batches, &batch{number: v.received, position: b.Position})
	if len(v.covers) > maxFences {
		for fence, number := range v.covers {
			if number < v.received-maxFences/2 {
				delete(v.covers, fence)
			}
		}
	}
}

// dirty is told by the goroutine that received the newest batch, before the documents may be taken.
func (v *Validator) dirty(docs []mappings.DocKey) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if len(v.batches) == 0 {
		v.wrong("documents are dirty before a batch was received")
		return
	}
	newest := v.batches[len(v.batches)-1]
	for _, doc := range docs {
		list := v.owed[doc]
		if len(list) > 0 && list[len(list)-1] == newest {
			continue
		}
		v.owed[doc] = append(list, newest)
		newest.owed++
	}
}

func (v *Validator) taken(docs []mappings.DocKey, fence source.Fence) {
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, doc := range docs {
		if v.flights[doc] != nil {
			v.wrong("document %s of %s is in flight twice", doc.Key.Text(), doc.Plan)
		}
		v.flights[doc] = &flight{covers: v.covers[fence]} // 0: of the start
	}
}

func (v *Validator) conflict(doc mappings.DocKey, _, _ int64) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if f := v.flights[doc]; f != nil {
		f.again = true
	}
}

func (v *Validator) settled(docs []mappings.DocKey) {
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, doc := range docs {
		f := v.flights[doc]
		if f == nil {
			v.wrong("document %s of %s is settled, and was not in flight", doc.Key.Text(), doc.Plan)
			continue
		}
		delete(v.flights, doc)
		if !f.again {
			v.pay(doc, f.covers)
		}
	}
}

// pay notes that what the batches up to a number did to a document is in the target.
func (v *Validator) pay(doc mappings.DocKey, upTo int) {
	list := v.owed[doc]
	n := 0
	for ; n < len(list) && list[n].number <= upTo; n++ {
		list[n].owed--
	}
	if n == len(list) {
		delete(v.owed, doc)
		return
	}
	v.owed[doc] = list[n:]
}

func (v *Validator) writingOps(ops []targets.Op) {
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, op := range ops {
		d := document{op.Dest.Name, op.ID}
		if v.writing[d] {
			v.wrong("document %s of %s is being written twice at a time", d.id, d.dest)
		}
		v.writing[d] = true
		if last := v.versions[d]; op.Version < last {
			v.wrong("document %s of %s is written with version %d after %d", d.id, d.dest, op.Version, last)
		}
		v.versions[d] = max(op.Version, v.versions[d])
	}
}

func (v *Validator) opsWritten(ops []targets.Op, _ error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, op := range ops {
		delete(v.writing, document{op.Dest.Name, op.ID})
	}
}

func (v *Validator) savingState(change state.Change) {
	if change.Checkpoint == nil {
		return
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	position := source.Position(change.Checkpoint.Position)
	if v.received == 0 {
		return // of the start
	}
	n := 0
	for n < len(v.batches) && v.batches[n].position != position {
		n++
	}
	if n == len(v.batches) {
		v.wrong("position %s is saved, and the log did not give it after %s", position, v.saved)
		return
	}
	for _, b := range v.batches[:n+1] {
		if b.owed > 0 {
			v.wrong("position %s is saved, but %d documents that a batch before it changed were not read behind that batch and settled, such as %s",
				position, b.owed, v.example(b))
			break
		}
	}
	v.batches = v.batches[n+1:]
}

// example names a document that a batch has made dirty.
func (v *Validator) example(b *batch) string {
	for doc, list := range v.owed {
		for _, other := range list {
			if other == b {
				return fmt.Sprintf("%s of %s", doc.Key.Text(), doc.Plan)
			}
		}
	}
	return "none"
}

func (v *Validator) stateSaved(change state.Change) {
	if change.Checkpoint == nil {
		return
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	v.saved = source.Position(change.Checkpoint.Position)
}

func (v *Validator) acked(position source.Position) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if position != v.saved {
		v.wrong("position %s is acknowledged, and the one saved last is %q", position, v.saved)
	}
}
