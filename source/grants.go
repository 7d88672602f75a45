package source

import "context"

// Grants is what an account needs to replicate tables, held against what it may do.
type Grants struct {
	Account string // as statements name it
	// Create makes the account, with a place for the password; for one that is not there yet.
	Create string
	// Held, Missing: what is needed, as statements that grant it. Each ends with a semicolon; a line that
	// begins with -- says something about the next one.
	Held    []string
	Missing []string
	Excess  []string // statements that take away what is not needed
}

// Granter is a source that knows what an account needs.
type Granter interface {
	// Grants looks at the account and writes nothing. Patterns are what was asked for, and tables those that
	// they select now, as far as the account may see them.
	Grants(ctx context.Context, patterns []Pattern, tables []Table) (Grants, error)
}
