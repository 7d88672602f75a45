package main

import (
	"context"
	"fmt"
	"math"
	"sync"
	"time"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"
)

// bars are the drawing on a terminal: one bar per table that is being copied, the status line
// below them. A finished bar stays above as a line of text.
type bars struct {
	drawing *mpb.Progress
	tables  map[string]*tableBar
	status  *shownText
	bottom  *mpb.Bar
}

// tableBar is one table's bar with the text behind it.
type tableBar struct {
	bar  *mpb.Bar
	text *shownText
}

// shownText is a text that the drawing reads while the monitor changes it.
type shownText struct {
	mu   sync.Mutex
	text string
}

func (t *shownText) set(text string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.text = text
}

func (t *shownText) decorator() decor.Decorator {
	return decor.Any(func(decor.Statistics) string {
		t.mu.Lock()
		defer t.mu.Unlock()
		return t.text
	})
}

// draw shows bars until ctx ends. Log lines appear above them meanwhile.
func (m *monitor) draw(ctx context.Context) {
	terminal := m.out.end()
	drawing := mpb.New(mpb.WithOutput(terminal), mpb.WithRefreshRate(drawEvery), mpb.PopCompletedMode())
	m.out.swap(drawing)
	b := newBars(drawing)
	defer func() {
		b.close(m.look(time.Now()))
		m.out.swap(terminal)
	}()
	ticks := time.NewTicker(drawEvery)
	defer ticks.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-ticks.C:
			b.show(m.look(now))
		}
	}
}

// newBars begins with the status line.
func newBars(drawing *mpb.Progress) *bars {
	b := &bars{drawing: drawing, tables: map[string]*tableBar{}, status: &shownText{}}
	b.bottom = drawing.New(1, mpb.NopStyle(), mpb.BarPriority(math.MaxInt32), mpb.PrependDecorators(b.status.decorator()), mpb.BarRemoveOnComplete())
	return b
}

// show brings the drawing up to date.
func (b *bars) show(v view) {
	for i, t := range v.tables {
		shown, ok := b.tables[t.name]
		if !ok {
			if t.done {
				continue
			}
			shown = b.add(i, t)
		}
		if t.done {
			shown.text.set(grouped(t.rows) + " rows, done")
			shown.bar.SetTotal(max(t.rows, 1), true)
			delete(b.tables, t.name)
			continue
		}
		shown.text.set(tableText(t))
		// A bar that reaches its total ends, and estimates are often too low.
		shown.bar.SetTotal(max(t.total, t.rows+1), false)
		shown.bar.SetCurrent(t.rows)
	}
	b.status.set(statusText(v))
}

func (b *bars) add(priority int, t tableView) *tableBar {
	text := &shownText{}
	bar := b.drawing.New(max(t.total, t.rows+1), mpb.BarStyle().Rbound("] "),
		mpb.BarPriority(priority), mpb.BarWidth(30),
		mpb.PrependDecorators(decor.Name(t.name+" ", decor.WCSyncSpaceR)),
		mpb.AppendDecorators(text.decorator()))
	shown := &tableBar{bar: bar, text: text}
	b.tables[t.name] = shown
	return shown
}

// close draws the last state and ends the drawing.
func (b *bars) close(v view) {
	b.show(v)
	for _, shown := range b.tables {
		shown.bar.Abort(false)
	}
	b.bottom.Abort(true)
	b.drawing.Wait()
}

func tableText(t tableView) string {
	text := grouped(t.rows) + " rows"
	if total := max(t.total, t.rows); t.total >= 0 && total > 0 {
		text = fmt.Sprintf("%d %%  %s of about %s rows", 100*t.rows/total, grouped(t.rows), grouped(total))
	}
	text += fmt.Sprintf("  %s/s", grouped(rounded(t.rate)))
	if t.eta >= 0 {
		text += "  " + t.eta.String() + " left"
	}
	return text
}

func statusText(v view) string {
	if len(v.tables) == 0 {
		return "starting"
	}
	state := "following"
	if v.copying {
		state = fmt.Sprintf("copying %d of %d tables, following", len(v.tables)-v.done, len(v.tables))
	}
	text := fmt.Sprintf("%s  lag %s · %s changes/s", state, lagText(v.status.Lag), grouped(rounded(v.changeRate)))
	if kept := v.status.Runway; kept > 0 {
		text += " · log kept for " + spanText(kept)
	}
	text += " · dead letters " + grouped(int64(v.status.DeadLetters))
	if v.listens != "" {
		text += " · http://" + v.listens
	}
	return text
}
