package metrics_test

import (
	"bytes"
	"context"
	"encoding/json"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/meepo-replicate/meepo/replicate"
	"github.com/meepo-replicate/meepo/source/sourcetest"
	"github.com/meepo-replicate/meepo/targets"
)

const rules = "../../deploy/alerts.yaml"

// fault is something that goes wrong with a run that was well, and the alerts that it has to raise:
// these and no others.
type fault struct {
	tweak func(*run, *replicate.Options) // before the run begins
	make  func(*run)
	fires []string
}

var faults = map[string]fault{
	"none": {make: func(r *run) { r.insert(10, 1000) }},
	"the target hangs": {
		tweak: func(r *run, _ *replicate.Options) {
			r.target.Before = func(ctx context.Context, ops []targets.Op) error {
				if ops[0].ID != "10" {
					return nil
				}
				return hang(ctx)
			}
		},
		make:  func(r *run) { r.insert(10, 11) },
		fires: []string{"MeepoLagHigh", "MeepoSavedPositionOld"},
	},
	"the log ends without a word": {
		make: func(r *run) {
			r.source.SetHooks(sourcetest.Hooks{NextFunc: hang})
		},
		fires: []string{"MeepoLogSilent", "MeepoSavedPositionOld"},
	},
	"the source says nothing": {
		make: func(r *run) {
			r.source.SetHooks(sourcetest.Hooks{NextFunc: hang, HeadFunc: hang, NowFunc: hang})
		},
		fires: []string{"MeepoLagHigh", "MeepoLogSilent", "MeepoSavedPositionOld"},
	},
	"a document is refused": {
		make: func(r *run) {
			r.reject(10, 11)
			r.insert(10, 11)
		},
		fires: []string{"MeepoDeadLettersRising"},
	},
	"many documents are refused": {
		make: func(r *run) {
			r.reject(10, 1000)
			r.insert(10, 1000)
		},
		fires: []string{"MeepoDeadLettersRising", "MeepoMappingParked"},
	},
	"the log is dropped soon": {
		tweak: func(r *run, o *replicate.Options) {
			o.Source = &outlook{r.source, func(since time.Time) time.Duration { return 7*time.Hour - 10*time.Since(since) }}
			r.target.Before = func(ctx context.Context, ops []targets.Op) error {
				if ops[0].ID != "10" {
					return nil
				}
				return hang(ctx)
			}
		},
		make:  func(r *run) { r.insert(10, 11) },
		fires: []string{"MeepoLagHigh", "MeepoLogRunwayShort", "MeepoSavedPositionOld"},
	},
}

// TestAlerts makes each fault in a run, scrapes its metrics for half an hour, and has Prometheus' own
// code say which alerts fire, and that none did before.
func TestAlerts(t *testing.T) {
	program := buildAlerts(t)
	raised := map[string]bool{}
	for name, f := range faults {
		t.Run(name, func(t *testing.T) {
			var scrapes []scrape
			var began time.Time
			synctest.Test(t, func(t *testing.T) {
				r := start(t, f.tweak)
				r.watch(10 * time.Minute)
				began = time.Now()
				f.make(r)
				r.watch(20 * time.Minute)
				r.end()
				scrapes = r.scrapes
			})
			var fires []string
			for _, alert := range evaluate(t, program, scrapes) {
				if alert.At.Before(began) {
					t.Errorf("%s fires at %v, before the fault at %v", alert.Alert, alert.At, began)
				}
				fires = append(fires, alert.Alert)
				raised[alert.Alert] = true
			}
			slices.Sort(fires)
			if diff := cmp.Diff(f.fires, slices.Compact(fires)); diff != "" {
				t.Errorf("alerts (-want +got):\n%s\nthe last scrape:\n%s", diff, meepo(scrapes[len(scrapes)-1].Text))
			}
		})
	}
	for _, rule := range loadRules(t) {
		if !raised[rule.Alert] {
			t.Errorf("no fault raises %s", rule.Alert)
		}
	}
}

// buildAlerts builds the evaluation, whose dependencies stand in a module of their own.
func buildAlerts(t *testing.T) string {
	t.Helper()
	program := filepath.Join(t.TempDir(), "alerts")
	build := exec.Command("go", "build", "-o", program, ".")
	build.Dir = "../../tools/alerts"
	if text, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build tools/alerts: %v\n%s", err, text)
	}
	return program
}

type alert struct {
	Alert string    `json:"alert"`
	At    time.Time `json:"at"`
}

// evaluate returns the alerts that fire over the scrapes.
func evaluate(t *testing.T, program string, scrapes []scrape) []alert {
	t.Helper()
	input, err := json.Marshal(scrapes)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(program, rules)
	cmd.Stdin = bytes.NewReader(input)
	var said bytes.Buffer
	cmd.Stderr = &said
	output, err := cmd.Output()
	if err != nil {
		t.Fatalf("evaluate: %v\n%s", err, said.String())
	}
	var found []alert
	if err := json.Unmarshal(output, &found); err != nil {
		t.Fatal(err)
	}
	return found
}
