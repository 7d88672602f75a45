package elastic

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/meepo-replicate/meepo/targets"
)

// buffers holds the bodies of finished requests for the next ones.
var buffers = sync.Pool{New: func() any { return &bulk{} }}

// writing is one call of Write.
type writing struct {
	target     *Target
	ops        []targets.Op
	failed     []targets.ItemError
	retryAfter time.Duration
	taken      bool // somebody may still read the body of an earlier request

	withMarks map[int][]byte // documents of marks, by op, that were read and not yet added; nil: there is none
	markedTo  int            // the first op of which none was read
}

// Write sends ops in as few bulk requests as the limits allow, one after the other.
func (t *Target) Write(ctx context.Context, ops []targets.Op) error {
	w := &writing{target: t, ops: ops}
	b := buffers.Get().(*bulk)
	b.layouts = map[*targets.Destination]*layout{}
	defer func() {
		b.reset()
		b.layouts = nil
		if !w.taken && cap(b.body) <= 4*t.config.MaxBulkBytes {
			buffers.Put(b)
		}
	}()
	for i := range ops {
		size, count := len(b.body), len(b.lines)
		if added, err := w.add(ctx, b, i); err != nil {
			return fmt.Errorf("bulk write: %w", err)
		} else if !added {
			continue
		}
		if count == 0 || count < t.config.MaxBulkOps && int64(len(b.body)) <= t.maxBytes.Load() {
			continue
		}
		// This op is one too many: the others go, and it begins the next request.
		last := b.lines[count]
		if err := w.send(ctx, b, b.lines[:count]); err != nil {
			return fmt.Errorf("bulk write: %w", err)
		}
		into := b.body[:0]
		if w.taken {
			into = nil
			w.taken = false
		}
		b.body = append(into, b.body[size:]...)
		b.lines = append(b.lines[:0], line{op: last.op, does: last.does, from: 0, to: len(b.body)})
	}
	if err := w.send(ctx, b, b.lines); err != nil {
		return fmt.Errorf("bulk write: %w", err)
	}
	return w.result()
}

// add adds an op to the next request. False: it has none, or has failed.
func (w *writing) add(ctx context.Context, b *bulk, index int) (bool, error) {
	op := &w.ops[index]
	switch op.Verb {
	case targets.MarkDeleted:
		return w.addMark(ctx, b, index)
	case targets.Delete:
		if checkID(op.ID) != nil {
			return false, nil // there never was such a document
		}
	}
	if err := b.add(index, op); err != nil {
		w.fail(index, targets.Rejected, err.Error())
		return false, nil
	}
	return true, nil
}

func (w *writing) result() error {
	if len(w.failed) == 0 {
		return nil
	}
	slices.SortFunc(w.failed, func(a, b targets.ItemError) int { return a.Index - b.Index })
	return &targets.PartialError{Items: w.failed, RetryAfter: w.retryAfter}
}

func (w *writing) fail(index int, class targets.Class, reason string) {
	w.failed = append(w.failed, targets.ItemError{Index: index, Class: class, Reason: reason})
}

// send sends a part of the body, in halves if the server finds it too large.
func (w *writing) send(ctx context.Context, b *bulk, part []line) error {
	if len(part) == 0 {
		return nil
	}
	body, lines := b.guarded(w.ops, part)
	items, free, err := w.target.sendBulk(ctx, body, actionsOf(lines))
	w.taken = w.taken || !free
	var answer *statusError
	switch {
	case err == nil:
		return w.settle(ctx, lines, items)
	case !errors.As(err, &answer):
		return err
	}
	switch answer.Status {
	case http.StatusTooManyRequests, http.StatusServiceUnavailable, http.StatusBadGateway, http.StatusGatewayTimeout:
		w.retryAfter = max(w.retryAfter, answer.RetryAfter)
		for _, l := range part {
			w.fail(l.op, targets.Retryable, answer.Error())
		}
		return nil
	case http.StatusRequestEntityTooLarge, http.StatusBadRequest:
		// A whole request is bad for the sake of one operation in it: look for that.
		if len(part) == 1 {
			w.fail(part[0].op, targets.Rejected, tooLarge(answer, len(body)))
			return nil
		}
		if answer.Status == http.StatusRequestEntityTooLarge {
			w.target.shrink(int64(len(body) / 2))
		}
		half := len(part) / 2
		w.target.config.Logger.Debug("bulk request refused, sending halves", "status", answer.Status, "bytes", len(body), "ops", len(part))
		if err := w.send(ctx, b, part[:half]); err != nil {
			return err
		}
		return w.send(ctx, b, part[half:])
	}
	return err
}

// shrink makes the requests to come no larger than what the server takes.
func (t *Target) shrink(limit int64) {
	for {
		now := t.maxBytes.Load()
		if now <= limit {
			return
		}
		if t.maxBytes.CompareAndSwap(now, limit) {
			t.config.Logger.Info("the server takes smaller requests only", "max_bytes", limit)
			return
		}
	}
}

func tooLarge(answer *statusError, size int) string {
	if answer.Status == http.StatusRequestEntityTooLarge {
		return fmt.Sprintf("a request of %d bytes with just this document is more than the server or a proxy takes (413); see http.max_content_length", size)
	}
	return fmt.Sprintf("status %d: %s", answer.Status, answer.Type)
}

// settle sorts the outcomes of a request's operations.
func (w *writing) settle(ctx context.Context, lines []line, items []bulkItem) error {
	var unknown []int // conflicts whose stored version the reason does not tell, as indexes in failed
	for i, l := range lines {
		if l.op < 0 {
			continue
		}
		op := &w.ops[l.op]
		outcome := classify(op, l.does, items[i])
		if outcome.Class == 0 {
			continue
		}
		outcome.Index = l.op
		w.failed = append(w.failed, outcome)
		switch {
		case outcome.Class == targets.Conflict && outcome.Stored == 0:
			unknown = append(unknown, len(w.failed)-1)
		case items[i].blocked():
			w.target.blocked(op.Dest.Name, outcome.Reason)
		}
	}
	return w.readVersions(ctx, unknown)
}

// blockedEvery is how often a destination that stays blocked is told of.
const blockedEvery = time.Minute

// blocked warns of a destination that takes no writes, not of each of its documents at each try.
func (t *Target) blocked(dest, reason string) {
	now := time.Now()
	if last, ok := t.blockedAt.Load(dest); ok && now.Sub(last.(time.Time)) < blockedEvery {
		return
	}
	t.blockedAt.Store(dest, now)
	t.config.Logger.Warn("destination is blocked for writes, trying again", "destination", dest, "reason", reason)
}

// readVersions asks for the versions of documents in conflict. One that is not there stays unknown.
func (w *writing) readVersions(ctx context.Context, unknown []int) error {
	for _, at := range unknown {
		op := &w.ops[w.failed[at].Index]
		found, err := w.target.getDocs(ctx, []docRef{{op.Dest.Name, op.ID, op.Routing}})
		if err != nil {
			return err
		}
		if found[0].Found {
			w.failed[at].Stored = found[0].Version
		}
	}
	return nil
}
