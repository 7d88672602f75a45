package targets

// Failures collects which ops of a Write are not durable. The zero value is empty.
type Failures []ItemError

// Add appends the outcome that ops have in common.
func (f *Failures) Add(class Class, reason string, indexes ...int) {
	for _, index := range indexes {
		*f = append(*f, ItemError{Index: index, Class: class, Reason: reason})
	}
}

// Err is what Write returns: a *PartialError, or nil where there is none.
func (f Failures) Err() error {
	if len(f) == 0 {
		return nil
	}
	return &PartialError{Items: f}
}
