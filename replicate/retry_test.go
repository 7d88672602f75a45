package replicate

import (
	"bytes"
	"errors"
	"log/slog"
	"strings"
	"testing"

	"github.com/meepo-replicate/meepo/targets"
)

// TestOutage_AnAnswerIsNoSilence: a target that refuses single documents has answered, and the log does not say otherwise.
func TestOutage_AnAnswerIsNoSilence(t *testing.T) {
	for _, c := range []struct {
		err  error
		want string
	}{
		{errors.New("connection refused"), "target does not answer, trying again"},
		{&targets.PartialError{Items: []targets.ItemError{{Class: targets.Doubtful, Reason: "duplicate key"}}}, "target does not take some documents, trying again"},
	} {
		var log bytes.Buffer
		o := &outage{log: slog.New(slog.NewTextHandler(&log, nil)), what: "target", told: func(string, error) {}}
		o.failed(c.err)
		if !strings.Contains(log.String(), c.want) {
			t.Errorf("%v: %s", c.err, &log)
		}
	}
}
