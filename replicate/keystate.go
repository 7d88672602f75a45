package replicate

import (
	"sync"
	"time"

	"github.com/meepo-replicate/meepo/mappings"
	"github.com/meepo-replicate/meepo/source"
	"github.com/meepo-replicate/meepo/targets"
)

// Where a document's key is in a run.
const (
	KeyClean    = "clean"     // nothing is to be done about it
	KeyWaiting  = "waiting"   // it is dirty, and waits to be read
	KeyInFlight = "in flight" // it is being read or written
	KeyAgain    = "in flight, and has changed since"
	KeyParked   = "parked"     // its mapping is left alone
	KeyUnknown  = "not mapped" // no mapping in force has the table
)

// KeyState is where a document's key is now.
type KeyState struct {
	State   string `json:"state"`
	Letter  bool   `json:"dead_letter"` // it has one
	Copying bool   `json:"copying"`     // a copy or a sweep of its mapping is queued or under way
	// Last is what was last written of it in this run, if it is among the newest writes; nil: nothing is known.
	Last  *LastWrite      `json:"last_write,omitempty"`
	Saved source.Position `json:"saved_position"`
}

// LastWrite is a durable write of a document.
type LastWrite struct {
	Verb    string    `json:"verb"`
	Version int64     `json:"version"`
	At      time.Time `json:"at"` // by our clock
}

// ParseKey reads a key of a plan as people write it. The error is of the key, or says that the plan is not in force.
func (r *Replicator) ParseKey(plan mappings.PlanID, text string) (source.Key, error) {
	f := r.plans.get(plan)
	if f == nil {
		return "", errNotMapped
	}
	return f.plan.ParseKey(text)
}

// KeyState says where a key is. Before Run has loaded the state, nothing is known.
func (r *Replicator) KeyState(doc mappings.DocKey) KeyState {
	select {
	case <-r.ready:
	default:
		return KeyState{State: KeyUnknown}
	}
	s := KeyState{State: r.lanes.state(doc), Letter: r.saver.hasLetter(doc), Copying: r.jobs.pending(doc.Plan) || r.jobs.any(doc.Plan),
		Last: r.written.of(doc), Saved: source.Position(r.saver.current().Position)}
	if r.plans.get(doc.Plan) == nil {
		s.State = KeyUnknown
		if _, parked := r.plans.inForceOrParked(doc.Plan); parked {
			s.State = KeyParked
		}
	}
	return s
}

// state is where a document is on its way.
func (l *lanes) state(doc mappings.DocKey) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	e := l.entries[doc]
	switch {
	case e == nil:
		return KeyClean
	case !e.inFlight:
		return KeyWaiting
	case len(e.again.tokens) > 0:
		return KeyAgain
	}
	return KeyInFlight
}

// hasLetter reports whether a document has a dead letter.
func (s *saver) hasLetter(doc mappings.DocKey) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.lettered[doc]
}

// mostWritten is how many of the newest writes are remembered.
const mostWritten = 10_000

// written remembers the newest writes.
type written struct {
	mu   sync.Mutex
	docs map[mappings.DocKey]LastWrite
	ring []mappings.DocKey // in order; the oldest is at next once it is full
	next int
}

func (w *written) note(doc mappings.DocKey, op targets.Op, at time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.docs == nil {
		w.docs = make(map[mappings.DocKey]LastWrite, mostWritten)
	}
	if _, known := w.docs[doc]; !known {
		if len(w.ring) < mostWritten {
			w.ring = append(w.ring, doc)
		} else {
			delete(w.docs, w.ring[w.next])
			w.ring[w.next] = doc
			w.next = (w.next + 1) % mostWritten
		}
	}
	w.docs[doc] = LastWrite{Verb: op.Verb.String(), Version: op.Version, At: at}
}

func (w *written) of(doc mappings.DocKey) *LastWrite {
	w.mu.Lock()
	defer w.mu.Unlock()
	if last, known := w.docs[doc]; known {
		return &last
	}
	return nil
}
