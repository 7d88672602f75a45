package servertest

import (
	"testing"
	"time"
)

// Eventually polls check until it says true. When that does not happen within
// timeout, the test ends with what was waited for and the last error of check:
// let check describe the state it saw there. An error by itself is not a failure,
// so that check may meet a server that is still starting.
func Eventually(t testing.TB, timeout time.Duration, what string, check func() (bool, error)) {
	t.Helper()
	deadline := time.Now().Add(timeout)
	timer := time.NewTimer(0)
	defer timer.Stop()
	for pause := 5 * time.Millisecond; ; pause = min(2*pause, 200*time.Millisecond) {
		<-timer.C
		ok, err := check()
		if ok && err == nil {
			return
		}
		if !time.Now().Before(deadline) {
			t.Fatalf("waited %s for %s; last state: %v", timeout, what, err)
		}
		timer.Reset(min(pause, time.Until(deadline)+time.Millisecond))
	}
}
