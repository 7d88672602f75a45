package source

import (
	"context"
	"time"
)

// Retention is asked of a source that drops its log by age, whoever still needs it.
type Retention interface {
	// Runway returns for how long, at least, the source will still have what follows a position;
	// zero: it is gone, or may be at any moment. The position holds everything that was committed up
	// to since, by the source's clock. False: it cannot be told, because the log is kept for us or
	// for ever, or because the account may not ask. It is called every half minute; an error counts
	// as false.
	Runway(ctx context.Context, position Position, since time.Time) (time.Duration, bool, error)
}
