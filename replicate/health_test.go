package replicate

import (
	"strings"
	"testing"
	"time"
)

func TestStatus_Unready(t *testing.T) {
	well := Status{Position: "p", Plans: []PlanStatus{{ID: "a/shop.a", Done: true}, {ID: "shop.b", Done: true}}}
	for name, c := range map[string]struct {
		change func(*Status)
		says   []string // nothing: ready
	}{
		"caught up":      {change: func(*Status) {}},
		"a little lag":   {change: func(s *Status) { s.Lag = 29 * time.Second }},
		"not begun":      {func(s *Status) { *s = Status{} }, []string{"not begun"}},
		"lag":            {func(s *Status) { s.Lag = 90 * time.Second }, []string{"1m30s behind"}},
		"copying":        {func(s *Status) { s.Backfilling, s.Plans[1].Done = true, false }, []string{"copied: shop.b"}},
		"sweeping":       {func(s *Status) { s.Backfilling = true }, []string{"what the target holds is looked at again"}},
		"parked and lag": {func(s *Status) { s.Parked, s.Lag = []string{"c", "d"}, time.Hour }, []string{"1h0m0s behind", "parked: c, d"}},
		"dead letters":   {change: func(s *Status) { s.DeadLetters = 7 }},
	} {
		t.Run(name, func(t *testing.T) {
			s := well
			s.Plans = append([]PlanStatus(nil), well.Plans...)
			c.change(&s)
			reasons := s.Unready()
			if len(reasons) != len(c.says) {
				t.Fatalf("reasons: %q", reasons)
			}
			for i, want := range c.says {
				if !strings.Contains(reasons[i], want) {
					t.Errorf("reason %q, want %q", reasons[i], want)
				}
			}
		})
	}
}

// Only a silent log is unhealthy: neither a copy, nor a target that is behind.
func TestStatus_Unhealthy(t *testing.T) {
	s := Status{Position: "p", Backfilling: true, Lag: time.Hour, Parked: []string{"a"}, LogSilent: 15 * time.Second}
	if why := s.Unhealthy(); why != "" {
		t.Errorf("unhealthy: %s", why)
	}
	s.LogSilent = 16 * time.Second
	if why := s.Unhealthy(); !strings.Contains(why, "16s") {
		t.Errorf("unhealthy: %q", why)
	}
	if why := (Status{}).Unhealthy(); why != "" {
		t.Errorf("before a run: %s", why)
	}
}
