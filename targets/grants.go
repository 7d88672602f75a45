package targets

import "context"

// Grants is what an account needs to write destinations, held against what it may do.
type Grants struct {
	Account string // as statements name it
	// Create makes the account, with a place for the password; for one that is not there yet.
	Create string
	// Held, Missing: what is needed, as statements that grant it, each with its semicolon.
	Held    []string
	Missing []string
	Excess  []string // statements that take away what is not needed
}

// Granter is a target that knows what an account needs.
type Granter interface {
	// Grants looks at the account and writes nothing.
	Grants(ctx context.Context, dests []*Destination) (Grants, error)
}
