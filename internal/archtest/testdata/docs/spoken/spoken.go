// Package spoken has a comment.
package spoken

// Seam is exported.
type Seam interface {
	// Told is a contract.
	Told() error
	Untold() error
}

type inner interface {
	untold() error
}

// Both embeds and adds nothing.
type Both interface {
	Seam
}
