package main

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
)

// traced is an error of the kind that shows its stack by %+v.
type traced struct{}

func (traced) Error() string { return "connection was bad" }

func (traced) Format(f fmt.State, _ rune) {
	fmt.Fprint(f, "connection was bad")
	if f.Flag('+') {
		fmt.Fprint(f, "\nmain.main\n\t/somewhere/main.go:1")
	}
}

func TestLogger_ShowsNoStackOfErrors(t *testing.T) {
	for _, format := range []string{"text", "json"} {
		var out bytes.Buffer
		newLogger(&out, &config{LogFormat: format, LogLevel: "info"}).Warn("lost", "error", traced{})
		if text := out.String(); !strings.Contains(text, "connection was bad") || strings.Contains(text, "main.go") {
			t.Errorf("%s: %s", format, text)
		}
	}
}
