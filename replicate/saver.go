package replicate

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/meepo-replicate/meepo/mappings"
	"github.com/meepo-replicate/meepo/replicate/state"
	"github.com/meepo-replicate/meepo/source"
)

// saver moves the saved position (invariant 4): durable, then saved, then acked.
type saver struct {
	store    Store
	frontier *frontier
	every    time.Duration
	observer *Observer
	ack      func(context.Context, source.Position) error
	added    func([]state.Job) // told of jobs once they are saved
	inForce  func(plan string) bool

	saving   sync.Mutex // one save at a time, held over I/O
	mu       sync.Mutex
	pending  state.Change
	queueing int                      // jobs that were pending and are being saved
	lettered map[mappings.DocKey]bool // documents that have a dead letter
	saved    state.Checkpoint
	signal   chan struct{} // pending has something
	moved    news          // of saved
	failed   error         // of a save: what it took is lost, so none may come after it; guarded by saving
}

func newSaver(store Store, f *frontier, every time.Duration, observer *Observer, at state.Checkpoint, letters []state.LetterRef) *saver {
	s := &saver{store: store, frontier: f, every: every, observer: observer, saved: at,
		lettered: map[mappings.DocKey]bool{}, signal: make(chan struct{}, 1)}
	for _, l := range letters {
		s.lettered[docKey(mappings.PlanID(l.Plan), source.Key(l.Key))] = true
	}
	return s
}

// letter keeps a dead letter for the next save, and reports whether its document had none so far.
func (s *saver) letter(l state.Letter) (first bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	doc := docKey(mappings.PlanID(l.Plan), source.Key(l.Key))
	first = !s.lettered[doc]
	s.lettered[doc] = true
	s.pending.Letters = append(s.pending.Letters, l)
	return first
}

// letteredOf returns the documents of a plan that have a dead letter.
func (s *saver) letteredOf(plan mappings.PlanID) []mappings.DocKey {
	s.mu.Lock()
	defer s.mu.Unlock()
	var docs []mappings.DocKey
	for doc := range s.lettered {
		if doc.Plan == plan {
			docs = append(docs, doc)
		}
	}
	return docs
}

// resolve drops the dead letter of a document that has been written since.
func (s *saver) resolve(key mappings.DocKey) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.lettered[key] {
		return
	}
	delete(s.lettered, key)
	ref := state.LetterRef{Plan: string(key.Plan), Key: string(key.Key)}
	kept := s.pending.Letters[:0]
	for _, l := range s.pending.Letters {
		if l.Plan != ref.Plan || l.Key != ref.Key {
			kept = append(kept, l)
		}
	}
	s.pending.Letters = kept
	s.pending.Resolved = append(s.pending.Resolved, ref)
}

// letters returns how many documents have a dead letter.
func (s *saver) letters() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.lettered)
}

// note keeps a change for the next save.
func (s *saver) note(change state.Change) {
	s.mu.Lock()
	s.pending.Merge(change)
	s.mu.Unlock()
	s.wake()
}

// takePending returns what waits for the next save, for whoever saves it himself.
func (s *saver) takePending() state.Change {
	s.mu.Lock()
	defer s.mu.Unlock()
	pending := s.pending
	s.pending = state.Change{}
	s.queueing = len(pending.AddJobs)
	return pending
}

// jobsComing reports whether there are jobs to be queued once they are saved.
func (s *saver) jobsComing() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.pending.AddJobs)+s.queueing > 0
}

// progress keeps the progress of a range for the next save.
func (s *saver) progress(r state.Range) { s.note(state.Change{Ranges: []state.Range{r}}) }

// jobDone keeps the end of a job for the next save.
func (s *saver) jobDone(id int64) { s.note(state.Change{DoneJobs: []int64{id}}) }

func (s *saver) wake() {
	select {
	case s.signal <- struct{}{}:
	default:
	}
}

// loop saves whenever there is something new, at most once per interval, until stop is closed. A
// save that has begun is finished, since what it took is nowhere else.
func (s *saver) loop(ctx context.Context, stop <-chan struct{}) error {
	ticker := time.NewTicker(s.every)
	defer ticker.Stop()
	for {
		select {
		case <-stop:
			return s.save(ctx)
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-s.frontier.signal:
		case <-s.signal:
		}
		if err := s.save(ctx); err != nil {
			return err
		}
		select {
		case <-stop:
		case <-ctx.Done():
		case <-ticker.C:
		}
	}
}

// save writes what is new in one transaction and then tells the source. What the frontier gives
// is taken first: the dead letters that a finished token relies on are in pending by then.
func (s *saver) save(ctx context.Context) error {
	s.saving.Lock()
	defer s.saving.Unlock()
	if s.failed != nil {
		return s.failed
	}
	moved := s.frontier.take()
	change := s.takePending()
	change.Merge(moved)    // a table that is gone for its readers may have come back in what the log says
	change.Keep(s.inForce) // what a plan needed that is out of force by now would make it look like one that is followed
	if change.Empty() {
		s.mu.Lock()
		s.queueing = 0
		s.mu.Unlock()
		return nil
	}
	if change.Checkpoint != nil {
		change.Checkpoint.Saved = time.Now().UTC()
	}
	if s.failed = s.store.Save(ctx, change); s.failed != nil {
		return s.failed
	}
	if len(change.AddJobs) > 0 {
		s.added(change.AddJobs)
	}
	s.mu.Lock()
	s.queueing = 0
	if change.Checkpoint != nil {
		s.saved = *change.Checkpoint
	}
	s.moved.spread()
	s.mu.Unlock()
	if change.Checkpoint == nil {
		return nil
	}
	position := source.Position(change.Checkpoint.Position)
	if err := s.ack(ctx, position); err != nil {
		return fmt.Errorf("acknowledge position: %w", err)
	}
	s.observer.AckedFunc(position)
	return nil
}

// current returns the saved checkpoint.
func (s *saver) current() state.Checkpoint {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.saved
}

// await waits for a save unless one has changed the position since.
func (s *saver) await(ctx context.Context, since string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.saved.Position != since {
		return nil
	}
	return s.moved.wait(ctx, &s.mu)
}
