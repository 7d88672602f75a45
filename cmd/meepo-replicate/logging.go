package main

import (
	"io"
	"log/slog"
	"sync"
)

// redirect is a writer whose end can be changed, so that log lines appear above the progress bars
// while there are some.
type redirect struct {
	mu sync.Mutex
	to io.Writer
}

// Write passes on to the present end.
func (r *redirect) Write(b []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.to.Write(b)
}

// swap changes the end and returns the one before.
func (r *redirect) swap(to io.Writer) io.Writer {
	r.mu.Lock()
	defer r.mu.Unlock()
	before := r.to
	r.to = to
	return before
}

// newLogger makes the one logger of the process. c's format and level are checked.
func newLogger(w io.Writer, c *config) *slog.Logger {
	var level slog.Level
	if err := level.UnmarshalText([]byte(c.LogLevel)); err != nil {
		level = slog.LevelInfo
	}
	options := &slog.HandlerOptions{Level: level, ReplaceAttr: plainError}
	if c.LogFormat == "json" {
		return slog.New(slog.NewJSONHandler(w, options))
	}
	return slog.New(slog.NewTextHandler(w, options))
}

// plainError lets an error show its message only: the text handler would print it by %+v, with which
// some libraries' errors add a stack trace.
func plainError(_ []string, a slog.Attr) slog.Attr {
	if err, ok := a.Value.Any().(error); ok {
		a.Value = slog.StringValue(err.Error())
	}
	return a
}

// end returns the present end.
func (r *redirect) end() io.Writer {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.to
}
