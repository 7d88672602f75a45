package targets

import (
	"context"
	"errors"
	"fmt"
)

// ExamineAll looks at all destinations before Prepare makes or changes anything. It returns what is to be done for each, in
// their order, or why they cannot be, joined. Examine returns what is to be done for one, the problems that an operator has to
// mend, and what kept it from looking.
func ExamineAll[W any](ctx context.Context, dests []*Destination, examine func(context.Context, *Destination) (W, []error, error)) ([]W, error) {
	all := make([]W, len(dests))
	var wrong []error
	for i, dest := range dests {
		w, problems, err := examine(ctx, dest)
		if err != nil {
			return nil, fmt.Errorf("prepare %s: %w", dest.Name, err)
		}
		all[i], wrong = w, append(wrong, problems...)
	}
	return all, errors.Join(wrong...)
}

// Mismatch is an ErrMismatch that says what is wrong with a destination, and what to do.
func Mismatch(dest, advice, format string, args ...any) error {
	return &HintError{Err: fmt.Errorf("%s: %w: %w", dest, fmt.Errorf(format, args...), ErrMismatch), Advice: advice}
}
