// Command alerts says which alerts of a rule file fire over a list of scrapes, with Prometheus' own
// evaluation. Tests run it; its dependencies stay out of the project's go.mod.
//
// It reads scrapes from standard input as JSON, [{"at": "<RFC 3339>", "text": "<exposition format>"}, …], oldest first, and
// writes the alerts that fired as JSON, [{"alert": …, "labels": {…}, "at": "<when first>"}, …].
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/prometheus/prometheus/promql/parser"
)

// scrape is what /metrics answered at a time.
type scrape struct {
	At   time.Time `json:"at"`
	Text string    `json:"text"`
}

// fired is an alert, and when it first fired.
type fired struct {
	Alert  string            `json:"alert"`
	Labels map[string]string `json:"labels"`
	At     time.Time         `json:"at"`
}

func main() {
	if err := run(os.Args[1:], os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "alerts:", err)
		os.Exit(1)
	}
}

func run(args []string, in io.Reader, out io.Writer) error {
	if len(args) != 1 {
		return errors.New("usage: alerts RULES.yaml < scrapes.json")
	}
	text, err := os.ReadFile(args[0])
	if err != nil {
		return err
	}
	groups, wrong := rulefmt.Parse(text, false, model.UTF8Validation, parser.NewParser(parser.Options{}), slog.New(slog.DiscardHandler))
	if len(wrong) > 0 {
		return fmt.Errorf("%s: %w", args[0], errors.Join(wrong...))
	}
	var scrapes []scrape
	if err := json.NewDecoder(in).Decode(&scrapes); err != nil {
		return fmt.Errorf("read scrapes: %w", err)
	}
	found, err := evaluate(groups, scrapes)
	if err != nil {
		return err
	}
	return json.NewEncoder(out).Encode(found)
}
