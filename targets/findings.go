package targets

import (
	"cmp"
	"errors"
	"slices"
)

// Findings collects what a Checker finds. The zero value is empty.
type Findings []Finding

// Add appends a finding.
func (f *Findings) Add(severity Severity, subject, message, fix string) {
	*f = append(*f, Finding{Severity: severity, Subject: subject, Message: message, Fix: fix})
}

// AddUnfit appends as fatal what Prepare would say of a destination: errors with a hint. Others are left out.
func (f *Findings) AddUnfit(dest string, wrong []error) {
	for _, err := range wrong {
		var hint *HintError
		if errors.As(err, &hint) {
			f.Add(Fatal, dest, err.Error(), hint.Advice)
		}
	}
}

// WorstFirst returns the findings in the order that Checker asks for.
func (f Findings) WorstFirst() []Finding {
	slices.SortStableFunc(f, func(a, b Finding) int { return cmp.Compare(b.Severity, a.Severity) })
	return f
}
