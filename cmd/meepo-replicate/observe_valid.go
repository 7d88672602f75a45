//go:build faulty

package main

import (
	"fmt"
	"os"

	"github.com/meepo-replicate/meepo/replicate"
	"github.com/meepo-replicate/meepo/replicate/replicatetest"
	"github.com/meepo-replicate/meepo/source"
)

// exitViolated is the exit code of a process that broke a promise.
const exitViolated = 70

// validObserver ends the process when what is promised of every moment does not hold. It prints one
// line that begins with VALIDATOR. With MEEPO_VALIDATOR=report the process goes on, so that what comes
// of it can be seen in the target.
func validObserver() *replicate.Observer {
	report := os.Getenv("MEEPO_VALIDATOR") == "report"
	v := replicatetest.NewValidator(func(violation string) {
		fmt.Fprintln(os.Stderr, "VALIDATOR: "+violation)
		if !report {
			os.Exit(exitViolated)
		}
	})
	return replicate.Observe(v.Observer(), &replicate.Observer{BatchReceivedFunc: sayFollowing()})
}

// sayFollowing says once that the log is being read: from then on a run waits for both ends for as
// long as it takes, where before it ends with an error. It is told by one goroutine.
func sayFollowing() func(source.Batch) {
	said := false
	return func(source.Batch) {
		if !said {
			said = true
			fmt.Fprintln(os.Stderr, "watched: the log is read")
		}
	}
}
