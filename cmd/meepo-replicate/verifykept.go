package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/meepo-replicate/meepo/mappings"
	"github.com/meepo-replicate/meepo/replicate/compare"
	"github.com/meepo-replicate/meepo/source"
)

// keptProgress keeps what a comparison has done in a file beside the state, so that one which was cut off goes on.
type keptProgress struct {
	path  string
	begun time.Time
	shown *compareProgress
}

// keptFile is what the file holds.
type keptFile struct {
	Begun    time.Time        `json:"begun"`
	Progress compare.Progress `json:"progress"`
	Found    []keptFinding    `json:"found"`
}

// keptFinding is a finding with its key.
type keptFinding struct {
	compare.Finding
	RawKey []byte `json:"raw_key"`
}

// read returns nil where there is nothing to go on from.
func (k *keptProgress) read() (*keptFile, error) {
	text, err := os.ReadFile(k.path)
	if errors.Is(err, fs.ErrNotExist) {
		k.begun = time.Now()
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var file keptFile
	if err := json.Unmarshal(text, &file); err != nil {
		return nil, &source.HintError{Err: fmt.Errorf("%s: what an earlier verify has left cannot be read: %w", k.path, err), Advice: "remove the file"}
	}
	k.begun = file.Begun
	return &file, nil
}

func (f *keptFile) fits(plans []*mappings.Plan) bool { return f != nil && f.Progress.Fits(plans) }

func (f *keptFile) rows() (n int64) {
	for _, plan := range f.Progress.Plans {
		n += plan.Report.Rows
	}
	return n
}

// findings are those that are not told again.
func (f *keptFile) findings() []compare.Finding {
	open := map[mappings.DocKey]bool{}
	for _, key := range f.Progress.Open {
		open[mappings.DocKey{Plan: key.Plan, Key: source.Key(key.Key)}] = true
	}
	var list []compare.Finding
	for _, kept := range f.Found {
		finding := kept.Finding
		finding.Key = source.Key(kept.RawKey)
		again := finding.Kind == compare.Orphan && !finding.HasRow && !f.Progress.Plans[finding.Plan].Listed
		if !again && !open[mappings.DocKey{Plan: finding.Plan, Key: finding.Key}] {
			list = append(list, finding)
		}
	}
	return list
}

// write replaces the file, and shows how far the comparison is.
func (k *keptProgress) write(p compare.Progress, findings []compare.Finding) error {
	k.shown.show(p)
	file := keptFile{Begun: k.begun, Progress: p, Found: make([]keptFinding, len(findings))}
	for i, f := range findings {
		file.Found[i] = keptFinding{f, []byte(f.Key)}
	}
	text, err := json.Marshal(file)
	if err != nil {
		return err
	}
	temporary, err := os.CreateTemp(filepath.Dir(k.path), filepath.Base(k.path)+".*") // for nobody else to read
	if err != nil {
		return err
	}
	_, err = temporary.Write(text)
	if err = errors.Join(err, temporary.Close()); err == nil {
		err = os.Rename(temporary.Name(), k.path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(temporary.Name()))
	}
	return nil
}

func (k *keptProgress) remove() error {
	if err := os.Remove(k.path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// compareProgress says now and then how far a comparison is.
type compareProgress struct {
	log   *slog.Logger
	total int64 // rows and documents, about; negative: unknown
	last  time.Time
	rate  *meter
}

func newCompareProgress(s *sides, log *slog.Logger) *compareProgress {
	p := &compareProgress{log: log, last: time.Now()}
	for _, plan := range s.plans {
		rows := s.rows[plan.Table()]
		if rows < 0 || p.total < 0 {
			p.total = -1
			continue
		}
		p.total += 2 * rows // each is read, and its document is listed
	}
	return p
}

func (c *compareProgress) show(p compare.Progress) {
	now := time.Now()
	var done, wrong int64
	for _, plan := range p.Plans {
		done += plan.Report.Rows + plan.Report.Documents
		wrong += plan.Report.Wrong()
	}
	if c.rate == nil {
		c.rate = &meter{count: done, at: now}
	}
	rate := c.rate.update(now, done)
	if now.Sub(c.last) < lineEvery {
		return
	}
	c.last = now
	share, eta := "unknown", "unknown"
	if c.total > 0 {
		share = fmt.Sprintf("%d%%", min(100*done/c.total, 100))
	}
	if left := etaOf(done, c.total, rate); left >= 0 {
		eta = left.String()
	}
	c.log.Info("comparing", "done", share, "rows_and_documents", done, "per_second", rounded(rate), "differ", wrong, "open", len(p.Open), "eta", eta)
}
