package targets

import (
	"errors"
	"fmt"
	"slices"
	"time"
)

// Verb says what an operation does.
type Verb uint8

// The verbs.
const (
	Upsert Verb = iota + 1 // write the whole document, whether or not there is one
	Delete                 // remove the document; it is fine if there is none
	// MarkDeleted keeps the document and says in it since when its row is gone: Doc's only value goes into the
	// field Destination.Mark, and nothing else changes. It is fine if there is no document, and one that
	// has a mark keeps it. The document's version is Op.Version afterwards in each case; what keeps versions of deleted documents
	// keeps it where there is none, too.
	MarkDeleted
)

// String returns the verb's name.
func (v Verb) String() string {
	switch v {
	case Upsert:
		return "upsert"
	case Delete:
		return "delete"
	case MarkDeleted:
		return "mark"
	}
	return "unknown"
}

// Op is one write.
type Op struct {
	Verb Verb
	Dest *Destination
	ID   ID
	// Doc holds one value per Dest.Fields, in that order; of a MarkDeleted the one of its field alone; nil for
	// Delete. Values have the types of the fields' kinds.
	Doc []any
	// Version orders the writes of one document: a target that keeps versions refuses one that is
	// not higher than what it has. Always positive.
	Version int64
	Routing string // empty: by the id
}

// MarkField returns the field that a MarkDeleted sets. An error says what the op lacks; its maker is at fault.
func (o Op) MarkField() (Field, error) {
	at := slices.IndexFunc(o.Dest.Fields, func(f Field) bool { return f.Name == o.Dest.Mark })
	switch {
	case o.Dest.Mark == "" || at < 0:
		return Field{}, fmt.Errorf("destination %s has no field for marks", o.Dest.Name)
	case len(o.Doc) != 1 || o.Doc[0] == nil:
		return Field{}, fmt.Errorf("a mark of %s has %d values, want the one of field %s", o.Dest.Name, len(o.Doc), o.Dest.Mark)
	}
	return o.Dest.Fields[at], nil
}

// Class sorts the outcome of an op that is not durable.
type Class uint8

// The classes.
const (
	// Retryable: the target was busy or the answer is unknown; the same op may succeed later.
	Retryable Class = iota + 1
	// Doubtful: the target failed at this op and did not say whose fault that is. It is tried again some
	// times, and then taken for Rejected, so that one document which the target cannot digest does not
	// hold up all others for ever.
	Doubtful
	// Rejected: the target will never take this op. It becomes a dead letter.
	Rejected
	// Conflict: the target holds the same or a higher version, see ItemError.Stored.
	Conflict
	// Lost: the destination is not there or is not ours. Nothing may be written there until
	// somebody has looked.
	Lost
)

// ItemError is the outcome of one op that is not durable.
type ItemError struct {
	Index  int // of the op in the slice given to Write
	Class  Class
	Reason string // the target's own words, without values of the document where they can be told apart
	Stored int64  // of a Conflict: the version that the target holds; 0: unknown
}

// PartialError says which ops of a Write are not durable. All others are.
type PartialError struct {
	Items      []ItemError
	RetryAfter time.Duration // how long the target asked to wait; 0: it did not say
}

// Error sums the items up.
func (e *PartialError) Error() string {
	if len(e.Items) == 0 {
		return "no op failed"
	}
	return fmt.Sprintf("%d ops not written, the first: %s", len(e.Items), e.Items[0].Reason)
}

// Errors that callers branch on. Drivers wrap them with what they know.
var (
	// ErrCursor: a scan cannot be continued from this cursor; begin it again.
	ErrCursor = errors.New("scan cursor expired")
	// ErrMismatch: a destination exists and is not fit for the mapping.
	ErrMismatch = errors.New("destination does not fit")
	// ErrReplaced: what stands behind a destination is not what was filled, or nothing is there.
	ErrReplaced = errors.New("destination was deleted or replaced")
	// ErrDenied: the target refuses our credentials or what they may do.
	ErrDenied = errors.New("access denied")
)

// HintError adds to an error what an operator can do about it. Whoever shows errors asks for
// interface{ Hint() string } along the chain.
type HintError struct {
	Err    error
	Advice string // a sentence or a command
}

// Error returns the cause's text; the hint is shown apart.
func (e *HintError) Error() string { return e.Err.Error() }

// Hint returns what to do.
func (e *HintError) Hint() string { return e.Advice }

// Unwrap returns the cause.
func (e *HintError) Unwrap() error { return e.Err }
