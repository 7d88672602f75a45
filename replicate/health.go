package replicate

import (
	"fmt"
	"strings"
	"time"
)

const (
	// silence is how long the log may be silent before it counts as dead: three heartbeats, which a
	// source sends at least every five seconds.
	silence = 15 * time.Second
	// readyLag is how far behind a target may be that is called caught up.
	readyLag = 30 * time.Second
)

// Unhealthy says why somebody should restart the process or look at its connection to the source;
// empty: it is well. A target that is away, or a copy that takes long, is no reason.
func (s Status) Unhealthy() string {
	if s.LogSilent > silence {
		return fmt.Sprintf("the source's log has been silent for %v", s.LogSilent.Round(time.Second))
	}
	return ""
}

// Unready says what keeps the target from being equal to the source; nothing: it has caught up.
func (s Status) Unready() []string {
	if s.Position == "" {
		return []string{"the run has not begun"}
	}
	var reasons []string
	if s.Backfilling {
		reasons = append(reasons, "tables are being copied: "+strings.Join(s.pending(), ", "))
	}
	if s.Lag > readyLag {
		reasons = append(reasons, fmt.Sprintf("the target is %v behind the source", s.Lag.Round(time.Second)))
	}
	if len(s.Parked) > 0 {
		reasons = append(reasons, "mappings are parked: "+strings.Join(s.Parked, ", "))
	}
	return reasons
}

// pending names the plans with bulk work.
func (s Status) pending() []string {
	var names []string
	for _, p := range s.Plans {
		if !p.Done {
			names = append(names, string(p.ID))
		}
	}
	if len(names) == 0 {
		names = append(names, "what the target holds is looked at again")
	}
	return names
}
